import { describe, expect, it } from "vitest";
import type { ExperimentEvent } from "./reporter.js";
import { withTotalTimeLeft } from "./time-left.js";

describe("withTotalTimeLeft", () => {
  it("adds what the later stages will take at the speed so far", () => {
    let now = 0;
    const seen: ExperimentEvent[] = [];
    const plan = [
      { stage: "a", images: 100 },
      { stage: "b", images: 300 },
      { stage: "picture", seconds: 7 },
    ];
    const report = withTotalTimeLeft(
      (event) => seen.push(event),
      plan,
      () => now,
    );
    const left = () => (seen.at(-1) as { totalSecondsLeft?: number }).totalSecondsLeft;
    const progress = (stage: string, done: number) => report({ event: "progress", stage, done, total: 10 });

    report({ event: "stage", stage: "a" });
    now = 5000;
    progress("a", 5); // 50 images in 5 s: 0.1 s each
    expect(left()).toBeCloseTo(5 + 30 + 7);
    now = 10_000;
    report({ event: "stage-end", stage: "a", seconds: 10 });
    report({ event: "stage", stage: "b" });
    now = 20_000;
    progress("b", 2); // 160 images in 20 s
    expect(left()).toBeCloseTo(240 * 0.125 + 7);
    report({ event: "stage-end", stage: "b", seconds: 10 });
    report({ event: "stage", stage: "picture" });
    progress("picture", 5);
    expect(left()).toBeCloseTo(3.5);
  });

  it("passes everything else through", () => {
    const seen: ExperimentEvent[] = [];
    const report = withTotalTimeLeft((event) => seen.push(event), []);
    const note = { event: "note", text: "hello" } as const;
    report(note);
    expect(seen).toEqual([note]);
  });
});
