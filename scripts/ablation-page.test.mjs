import { expect, test } from "vitest";
import { ablationPage, ablationRecord, pictureName } from "./lib/ablation-page.mjs";

const spread = (...values) => ({
  values,
  mean: values.reduce((sum, value) => sum + value, 0) / values.length,
  deviation: 0.0141,
});
const row = (name, ...values) => ({
  ...{ name, runs: 2, knn: spread(...values), linear: spread(...values) },
  accuracy: [{ labels: 200, ...spread(...values) }],
});
const difference = (mean, verdict) => ({
  ...{ difference: { mean, low: mean - 0.02, high: mean + 0.02 }, seeds: 2, verdict },
});
const summary = {
  ...{ title: "Taken apart", date: "2026-01-01", engine: "tfjs-node", tensorflow: "2.21.0", kernels: ["a"] },
  ...{ dataset: "fashion-mnist", testImages: 10_000, classes: 10, preset: "compare", seeds: [0, 1] },
  ...{
    labelsPerClass: [20],
    bankImages: 5000,
    complete: true,
    seconds: 3600,
    leftOut: [],
    command: "sit ablate",
  },
  settings: {
    ...{ images: 10_000, epochs: 5, batchSize: 64, width: 64, depth: 4, heads: 4, alpha: 1 },
    ...{
      corruption: "noise+replace",
      corruptionRatio: 0.4,
      replaceRatio: 0.3,
      blockMinimum: 0.05,
      blockMaximum: 0.25,
    },
    reconstruction: "masked-l1",
  },
  axes: [
    {
      ...{ name: "alpha", title: "Alpha", question: "How heavy?", variants: [] },
      table: [row("1", 0.6, 0.62), row("5", 0.64, 0.66)],
    },
  ],
  findings: [
    {
      ...{ claim: "Five is better", source: "a paper", better: ["alpha/5"], worse: ["alpha/1"] },
      verdict: "seen",
      measures: [
        { measure: "k-NN", ...difference(0.04, "seen") },
        { measure: "linear probe", ...difference(-0.01, "undecided") },
      ],
    },
  ],
  trials: [0, 1].map((seed) => ({
    ...{ folder: "trials/abc", seed, seconds: 1800, peakMemoryMB: 400, images: 10_000 },
    result: { knn: 0.6, linear: 0.61, accuracy: [{ labels: 200, top1: 0.5, seconds: 1 }] },
  })),
};
const machine = { cpu: "a processor", cores: 2, memoryGB: 24, node: "v20" };

test("the page says of each finding whether it is seen, by which measure, and what is behind it", () => {
  const page = ablationPage([ablationRecord("fashion-mnist", summary, machine)]);
  expect(page).toContain("| Five is better | seen here (k-NN +4.0) |");
  expect(page).toContain("| Five is better | +4.0 (+2.0 to +6.0) | −1.0 (−3.0 to +1.0) |");
  expect(page).toContain("| 5 | 65.0 ± 1.4 % | 65.0 ± 1.4 % | 65.0 ± 1.4 % |");
  expect(page).toContain(`](../pictures/${pictureName("fashion-mnist", "alpha")})`);
  expect(page).toContain("1.0 hours for all 2 runs");
  expect(page).toContain("Not run yet: CIFAR-10.");
});

test("what is kept has every run's numbers, and no settings of each", () => {
  const { runs, trials } = ablationRecord("fashion-mnist", summary, machine);
  expect(trials).toBeUndefined();
  expect(runs[1]).toEqual({
    ...{ id: "abc", seed: 1, seconds: 1800, peakMemoryMB: 400, images: 10_000, knn: 0.6, linear: 0.61 },
    ...{ accuracy: { 200: 0.5 }, pretrain: undefined },
  });
});
