import { randomStream, SitError } from "@sitjs/core";
import { closeness, leakedTensors } from "@sitjs/core/testing";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { loadFixture } from "../../../fixtures/load.js";
import { drawShots, fewShot } from "./few-shot.js";
import type { LabelledFeatures } from "./labelled-features.js";
import { logisticRegression } from "./logistic-regression.js";
import { confusionMatrix } from "./mistakes.js";
import { nearestMean } from "./nearest-mean.js";

const [metrics, protocols] = [loadFixture("metrics"), loadFixture("protocols/protocols")];
const part = (which: "train" | "test"): LabelledFeatures => ({
  features: Float32Array.from(metrics.entry(`knn/${which}`).data, Number),
  size: 16,
  labels: Int32Array.from(metrics.entry(`knn/${which}_labels`).data, Number),
});
const [train, test] = [part("train"), part("test")];
const classes = 6;

/** Rows of the fixture less the mean of all training rows, as its script has them. */
function centred(of: LabelledFeatures, rows: ArrayLike<number>): LabelledFeatures {
  const mean = Array.from({ length: 16 }, (_, c) => {
    const column = Array.from(train.labels, (_, row) => train.features[row * 16 + c] as number);
    return column.reduce((a, b) => a + b, 0) / column.length;
  });
  const features = Array.from(rows).flatMap((row) =>
    mean.map((value, c) => (of.features[row * 16 + c] as number) - value),
  );
  return {
    features: Float32Array.from(features),
    size: 16,
    labels: Int32Array.from(rows, (row) => of.labels[row] as number),
  };
}
const support = centred(train, Array.from(protocols.entry("fewshot/rows").data, Number));
const queries = centred(
  test,
  test.labels.map((_, row) => row),
);
const expected = (name: string) => Array.from(protocols.entry(`fewshot/${name}`).data, Number);

for (const engine of await engines()) {
  describe(`few-shot on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("nearest class means are numpy's (fixture protocols)", async () => {
      const scores = await nearestMean(support, queries, { classes });
      expect(closeness(scores, expected("mean/scores")).maxAbsolute).toBeLessThan(1e-5);
    });

    it.each([1, 10])(
      "logistic regression with C %d is scikit-learn's (fixture protocols)",
      async (strength) => {
        const probabilities = await logisticRegression(support, queries, {
          classes,
          strength,
          tolerance: 1e-6,
        });
        const reference = expected(`logistic/${strength}/probabilities`);
        expect(closeness(probabilities, reference).maxAbsolute).toBeLessThan(1e-4);
      },
    );

    it("a class without rows is nobody's nearest", async () => {
      const scores = await nearestMean(support, queries, { classes: 7 });
      expect(scores.filter((_, i) => i % 7 === 6).every((value) => value === -1)).toBe(true);
    });

    it("tells mean and interval over draws; more shots do better; the same seed gives the same", async () => {
      const data = { train: clouds(40, 0), test: clouds(30, 1) };
      const options = { shots: [1, 8], draws: 6, seed: 3 };
      const leaked = await leakedTensors(async () => {
        const results = await fewShot(data.train, data.test, options);
        expect(results.map(({ method, shots }) => `${method} ${shots}`)).toEqual([
          "nearest-mean 1",
          "logistic 1",
          "knn 1",
          "nearest-mean 8",
          "logistic 8",
          "knn 8",
        ]);
        for (const { accuracies, mean, low, high } of results) {
          expect(accuracies).toHaveLength(6);
          expect(mean).toBeCloseTo(accuracies.reduce((a, b) => a + b, 0) / 6);
          expect(low).toBeLessThanOrEqual(mean);
          expect(high).toBeGreaterThanOrEqual(mean);
        }
        const of = (name: string) =>
          results.find(({ method, shots }) => `${method} ${shots}` === name)?.mean ?? 0;
        expect(of("nearest-mean 8")).toBeGreaterThan(of("nearest-mean 1"));
        expect(of("nearest-mean 8")).toBeGreaterThan(0.6);
        // With one shot a class's mean is its only neighbour.
        expect(of("knn 1")).toBeCloseTo(of("nearest-mean 1"));
        expect(await fewShot(data.train, data.test, options)).toEqual(results);
      });
      expect(leaked).toBe(0);
    });
  });
}

/** Five overlapping clouds, far from the origin. */
function clouds(perClass: number, seed: number): LabelledFeatures {
  const rng = randomStream(seed, "clouds");
  const labels = Int32Array.from({ length: 5 * perClass }, (_, i) => i % 5);
  const features = Float32Array.from(
    Array.from(labels).flatMap((label) =>
      [0, 1, 2, 3, 4, 5].map((c) => 9 + (c === label ? 2 : 0) + rng.normal()),
    ),
  );
  return { features, size: 6, labels };
}

describe("draws", () => {
  const labels = Int32Array.from({ length: 60 }, (_, i) => i % 3);

  it("have as many of each class, of their own class; fewer shots are part of more", () => {
    const [some, more] = [2, 9].map((shots) => drawShots(labels, { shots, classes: 3, seed: 1, draw: 4 }));
    expect(more?.map((rows) => new Set(rows).size)).toEqual([9, 9, 9]);
    expect(more?.every((rows, label) => rows.every((row) => labels[row] === label))).toBe(true);
    expect(more?.map((rows) => rows.slice(0, 2))).toEqual(some);
    expect(drawShots(labels, { shots: 9, classes: 3, seed: 1, draw: 5 })).not.toEqual(more);
  });

  it("refuses more shots than there are, naming the class", () => {
    const most = () => drawShots(labels, { shots: 21, classes: 3, seed: 0, draw: 0 });
    expect(most).toThrow(SitError);
    expect(most).toThrow("shots: expected at most 20, the training images of class 0, got 21");
  });
});

it("the confusion matrix is scikit-learn's (fixture protocols)", () => {
  const predicted = Array.from(metrics.entry("knn/k20/pred").data, Number);
  const { data } = protocols.entry("confusion");
  expect(confusionMatrix(test.labels, predicted, classes).flat()).toEqual(Array.from(data, Number));
});

it.each<[Parameters<typeof fewShot>[2], RegExp]>([
  [{ draws: 1 }, /^draws: expected a whole number of at least 2, got 1$/],
  [{ shots: [0] }, /^shots: expected whole numbers of at least 1, got 0$/],
  [{ shots: [500] }, /^shots: expected at most \d+/],
  [{ classes: 2 }, /labels\[\d+\]: expected a class from 0 to 1/],
])("few-shot refuses %j", async (options, message) => {
  await expect(fewShot(train, test, { shots: [1], ...options })).rejects.toThrow(message);
});
