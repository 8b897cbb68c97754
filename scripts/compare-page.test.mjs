import { expect, test } from "vitest";
import { comparisonPage, comparisonRecord, comparisons, pictureName } from "./lib/compare-page.mjs";

const settings = {
  ...{ imageSize: 28, channels: 1, epochs: 3, batchSize: 64, width: 64, depth: 4, heads: 4, patchSize: 4 },
  ...{ finetuneSteps: 0, finetuneEpochs: 30, finetuneBatchSize: 50, layerDecay: 0.65 },
};
const trial = (method, seed, knn, pretrain) => ({
  ...{ method, seed, settings, images: 1000, seconds: 1800, peakMemoryMB: 400 + seed },
  result: { knn, accuracy: [{ labels: 100, top1: knn / 2, seconds: 1 }], ...(pretrain && { pretrain }) },
});
const spread = (values) => ({ values, mean: (values[0] + values[1]) / 2, deviation: 0.0141 });
const summary = {
  ...{
    date: "2026-01-01",
    engine: "tfjs-node",
    tensorflow: "2.21.0",
    kernels: ["a", "b"],
    preset: "compare",
  },
  ...{ dataset: "fashion-mnist", testImages: 10_000, methods: ["scratch", "mae"], seeds: [0, 1] },
  table: [
    {
      name: "From scratch",
      runs: 2,
      knn: spread([0.4, 0.42]),
      accuracy: [{ labels: 100, ...spread([0.2, 0.21]) }],
    },
    {
      ...{
        name: "MAE",
        runs: 2,
        knn: spread([0.6, 0.62]),
        accuracy: [{ labels: 100, ...spread([0.3, 0.31]) }],
      },
      ...{ seconds: 70.4, imagesPerSecond: 612.3 },
    },
  ],
  trials: [
    trial("scratch", 0, 0.4),
    trial("scratch", 1, 0.42),
    trial("mae", 0, 0.6, { seconds: 70, imagesPerSecond: 612, steps: 10, epochs: [] }),
    trial("mae", 1, 0.62, { seconds: 70.8, imagesPerSecond: 613, steps: 10, epochs: [] }),
  ],
};

test("the page has a row for each method, the hours of all runs and the most memory", () => {
  const record = comparisonRecord("fashion-mnist", summary, {
    cpu: "a processor",
    cores: 2,
    memoryGB: 24,
    node: "v20",
  });
  const page = comparisonPage([record]);
  expect(page).toContain("| MAE | 61.0 ± 1.4 % | 30.5 ± 1.4 % | 70 s | 612 |");
  expect(page).toContain("| From scratch | 41.0 ± 1.4 % | 20.5 ± 1.4 % |  |  |");
  expect(page).toContain("2.0 hours for all 4");
  expect(page).toContain("peak memory 401 MB");
  expect(page).toContain("](../pictures/compare-fashion-mnist.svg)");
});

test("what is kept has each method's settings once, and each run's numbers", () => {
  const { settings: kept, runs } = comparisonRecord("fashion-mnist", summary, {});
  expect(Object.keys(kept)).toEqual(["scratch", "mae"]);
  expect(runs[3]).toEqual({
    ...{ method: "mae", seed: 1, images: 1000, seconds: 1800, peakMemoryMB: 401, knn: 0.62 },
    ...{ pretrain: { seconds: 70.8, imagesPerSecond: 613 }, accuracy: { 100: 0.31 } },
  });
});

test("each comparison has a section of its own, whatever its data set is called", () => {
  const both = ["cifar-10", "pretext"].map((name) => comparisonRecord(name, summary, {}));
  const page = comparisonPage(both.map((record) => ({ ...record, seeds: [0] })));
  expect(page).toContain(`## ${comparisons["cifar-10"].title}`);
  expect(page).toContain(`](../pictures/${pictureName("pretext")})`);
  expect(page).toContain("one seed, 0");
});
