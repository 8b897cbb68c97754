import { randomStream, SitError } from "@sitjs/core";
import { closeness, leakedTensors } from "@sitjs/core/testing";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { loadFixture } from "../../../fixtures/load.js";
import { knn } from "./knn.js";
import type { LabelledFeatures } from "./labelled-features.js";

const fixture = loadFixture("metrics");

function fromFixture(part: "train" | "test"): LabelledFeatures {
  const { data, shape } = fixture.entry(`knn/${part}`);
  return {
    features: Float32Array.from(data, Number),
    size: shape[1] as number,
    labels: Int32Array.from(fixture.entry(`knn/${part}_labels`).data, Number),
  };
}

function features(rows: number[][], labels: number[]): LabelledFeatures {
  const size = rows[0]?.length ?? 0;
  return { features: Float32Array.from(rows.flat()), size, labels: Int32Array.from(labels) };
}

for (const engine of await engines()) {
  describe(`k-NN on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it.each([1, 5, 20])(
      "is DINO's with k %d: predictions and accuracy exactly (fixture metrics)",
      async (k) => {
        const expected = (fixture.json.knn as Record<string, { top1: number; top5: number }>)[`k${k}`];
        const result = await knn(fromFixture("train"), fromFixture("test"), { k, temperature: 0.07 });
        const scores = Array.from(fixture.entry(`knn/k${k}/probs`).data, Number);
        expect(closeness(result.scores, scores, { relative: 1e-5 }).excess).toBeLessThanOrEqual(0);
        expect(Array.from(result.predictions)).toEqual(
          Array.from(fixture.entry(`knn/k${k}/pred`).data, Number),
        );
        expect(result.top1 * 100).toBeCloseTo(expected?.top1 as number, 10);
        expect(result.top5 * 100).toBeCloseTo(expected?.top5 as number, 10);
      },
    );

    it("does not mind the length of the vectors, and defaults to k 20 and temperature 0.07", async () => {
      const [train, test] = [fromFixture("train"), fromFixture("test")];
      const scale = (given: LabelledFeatures, factor: number) => ({
        ...given,
        features: given.features.map((value) => value * factor),
      });
      const usual = await knn(train, test);
      const scaled = await knn(scale(train, 8), scale(test, 0.25), { k: 20, temperature: 0.07 });
      expect(closeness(scaled.scores, usual.scores, { relative: 1e-5 }).excess).toBeLessThanOrEqual(0);
      expect(scaled.predictions).toEqual(usual.predictions);
    });

    it("works with two classes, one test row, and a k above the bank", async () => {
      const train = features(
        [
          [1, 0],
          [0, 1],
          [-1, 0],
        ],
        [0, 1, 0],
      );
      const result = await knn(train, features([[2, 0]], [0]), { k: 50, temperature: 0.5 });
      // All three vote: class 0 by its similarities 1 and -1, class 1 by 0.
      const expected = [Math.exp(2) + Math.exp(-2), 1];
      expect(closeness(result.scores, expected, { relative: 1e-5 }).excess).toBeLessThanOrEqual(0);
      expect([result.top1, result.top5]).toEqual([1, 1]);
      expect(result.predictions).toEqual(Int32Array.of(0));
    });

    it("settles ties for the earlier class, whichever comes first in the bank", async () => {
      const same = [
        [1, 1],
        [1, 1],
      ];
      for (const labels of [
        [2, 1],
        [1, 2],
      ]) {
        const result = await knn(features(same, labels), features([[3, 3]], [1]), { k: 2 });
        expect(result.scores[1]).toBe(result.scores[2]);
        expect(result.scores[0]).toBe(0);
        expect(result.predictions).toEqual(Int32Array.of(1));
        expect(result.top1).toBe(1);
      }
      // Of equal neighbours beyond k the first in the bank counts.
      const one = await knn(features(same, [2, 1]), features([[3, 3]], [1]), { k: 1 });
      expect(one.predictions).toEqual(Int32Array.of(2));
    });

    it("counts test rows of a class that the bank lacks as misses", async () => {
      const result = await knn(features([[1, 0]], [0]), features([[1, 0]], [3]), { k: 1 });
      expect(result.scores).toHaveLength(4);
      expect(result.top1).toBe(0);
    });

    it("survives a vector of zeros", async () => {
      const train = features(
        [
          [0, 0],
          [1, 0],
        ],
        [0, 1],
      );
      const { scores } = await knn(train, features([[0, 0]], [0]), { k: 2 });
      expect(Array.from(scores)).toEqual([1, 1]);
    });

    it("leaves no tensor, errors included", async () => {
      const [train, test] = [fromFixture("train"), fromFixture("test")];
      expect(await leakedTensors(() => knn(train, test))).toBe(0);
      const wrong = () => knn(train, { ...test, size: 8 }).catch(() => undefined);
      expect(await leakedTensors(wrong)).toBe(0);
    });
  });
}

describe("wrong input", () => {
  const rng = randomStream(0);
  const train = {
    features: rng.fillNormal(new Float32Array(12)),
    size: 3,
    labels: Int32Array.of(0, 1, 0, 1),
  };
  const test = { features: rng.fillNormal(new Float32Array(6)), size: 3, labels: Int32Array.of(0, 1) };

  it.each<[string, LabelledFeatures, LabelledFeatures, Parameters<typeof knn>[2], RegExp]>([
    ["sizes that differ", train, { ...test, size: 2, labels: Int32Array.of(0, 1, 1) }, {}, /size 3, got 2/],
    [
      "fewer features than rows",
      { ...train, features: new Float32Array(11) },
      test,
      {},
      /^knn train: expected 4 x 3 features, got 11 values$/,
    ],
    [
      "more features than rows",
      train,
      { ...test, labels: Int32Array.of(1) },
      {},
      /^knn test: expected 1 x 3 features, got 6 values$/,
    ],
    ["no training rows", features([], []), test, {}, /^train: expected at least one labelled row, got 0$/],
    ["k 0", train, test, { k: 0 }, /^k: expected a whole number of at least 1, got 0$/],
    ["half a neighbour", train, test, { k: 2.5 }, /^k: expected a whole number/],
    ["temperature 0", train, test, { temperature: 0 }, /^temperature: expected a number above 0, got 0$/],
    [
      "training images without labels",
      { ...train, labels: new Int32Array(4).fill(-1) },
      test,
      {},
      /^train\.labels\[0\]: expected a class from 0 to 1, got -1 \(no label\)$/,
    ],
    [
      "labels beyond the classes",
      train,
      test,
      { classes: 1 },
      /^train\.labels\[1\]: expected a class from 0 to 0/,
    ],
  ])("is refused: %s", async (_, bank, rows, options, message) => {
    const work = knn(bank, rows, options);
    await expect(work).rejects.toThrow(SitError);
    await expect(work).rejects.toThrow(message);
  });
});
