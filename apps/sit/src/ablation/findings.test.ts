import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { TrialRecord } from "../run-folder/trial-record.js";
import { judgeFindings } from "./findings.js";
import type { GridAxis } from "./grid.js";

const axes = [
  {
    name: "parts",
    title: "Parts",
    variants: ["a", "b", "c"].map((id) => ({ name: id, path: `parts/${id}`, id })),
  },
] as unknown as GridAxis[];

/** Accuracies by seed of each variant; the linear probe's are turned round. */
function trials(values: Readonly<Record<string, readonly number[]>>): TrialRecord[] {
  return Object.entries(values).flatMap(([id, list]) =>
    list.map(
      (knn, seed) =>
        ({
          folder: join("trials", id),
          seed,
          result: { knn, linear: 1 - knn, accuracy: [] },
        }) as unknown as TrialRecord,
    ),
  );
}

const judge = (better: string[], worse: string[], values: Readonly<Record<string, readonly number[]>>) =>
  judgeFindings([{ claim: "It is so", better, worse }], axes, trials(values))[0];

describe("a finding", () => {
  it("is seen where the interval of the paired difference is above zero, not seen where it is below", () => {
    // The spread over seeds is large, that of the differences is not.
    const values = { a: [0.5, 0.6, 0.7], b: [0.4, 0.505, 0.6] };
    const result = judge(["parts/a"], ["parts/b"], values);
    const [knn, linear] = result?.measures ?? [];
    expect(knn).toMatchObject({ measure: "k-NN", seeds: 3, verdict: "seen" });
    expect(knn?.difference.mean).toBeCloseTo(0.295 / 3, 12);
    expect(linear).toMatchObject({ measure: "linear probe", verdict: "not seen" });
    expect(result?.verdict).toBe("undecided");
  });

  it("is undecided within the spread, and of one seed", () => {
    const spread = judge(["parts/a"], ["parts/b"], { a: [0.5, 0.6, 0.7], b: [0.6, 0.5, 0.6] });
    expect(spread?.measures.map(({ verdict }) => verdict)).toEqual(["undecided", "undecided"]);
    expect(judge(["parts/a"], ["parts/b"], { a: [0.9], b: [0.1] })?.verdict).toBe("undecided");
  });

  it("takes the mean of several variants, by seeds of which all is done", () => {
    const values = { a: [0.5, 0.5, 0.5], b: [0.2, 0.3, 0.4], c: [0.4, 0.3] };
    const result = judge(["parts/a"], ["parts/b", "parts/c"], values);
    expect(result?.measures[0]).toMatchObject({ seeds: 2, verdict: "seen" });
    expect(result?.measures[0]?.difference.mean).toBeCloseTo(0.2, 12);
  });

  it("has no measures where nothing is done", () => {
    expect(judge(["parts/a"], ["parts/b"], { c: [0.3] })).toMatchObject({
      measures: [],
      verdict: "undecided",
    });
  });
});
