import { randomStream } from "@sitjs/core";
import { closeness, leakedTensors } from "@sitjs/core/testing";
import { lars } from "@sitjs/train";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { loadFixture } from "../../../fixtures/load.js";
import type { LabelledFeatures } from "./labelled-features.js";
import { chooseLearningRate } from "./learning-rates.js";
import { linearProbe } from "./linear-probe.js";

/** Two features decide between three classes, a third is noise of another scale and place. */
function rows(count: number, seed: number): LabelledFeatures {
  const stream = randomStream(seed, "rows");
  const labels = Int32Array.from({ length: count }, () => stream.integer(0, 3));
  const features = Float32Array.from(
    [...labels].flatMap((label) => [
      Math.cos(2.1 * label) + 0.1 * stream.normal(),
      Math.sin(2.1 * label) + 0.1 * stream.normal(),
      500 + 100 * stream.normal(),
    ]),
  );
  return { features, size: 3, labels };
}

for (const engine of await engines()) {
  describe(`linear probe on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("separates what a line can separate, whatever the features' scales, and leaves no tensors", async () => {
      const [train, test] = [rows(300, 0), rows(200, 1)];
      const options = { epochs: 20, batchSize: 64, learningRate: 1 };
      const leaked = await leakedTensors(async () => {
        const { top1, top5, loss } = await linearProbe(train, test, options);
        expect(top1).toBeGreaterThan(0.99);
        expect(top5).toBe(1);
        expect(loss).toBeLessThan(0.1);
      });
      expect(leaked).toBe(0);
    });

    it("after one step with the whole set is the gradient's closed form", async () => {
      const train: LabelledFeatures = {
        features: Float32Array.from([0, 1, 2, 3, 4, 8]),
        size: 2,
        labels: Int32Array.from([0, 1, 1]),
      };
      const { logits } = await linearProbe(train, train, { epochs: 1, learningRate: 256, momentum: 0 });
      // Standardised columns [-1.2247, 0, 1.2247] and [-1.0190, -0.3397, 1.3587]; softmax of zeros is a half.
      const columns: number[][] = [
        [-1.224744, 0, 1.224744],
        [-1.0190493, -0.3396831, 1.3587324],
      ];
      const errors = [-0.5, 0.5, 0.5].map((error) => error / 3);
      const rate = 256 * (3 / 256);
      const weights = columns.map(
        (column) => -rate * column.reduce((sum, x, i) => sum + x * (errors[i] as number), 0),
      );
      const bias = -rate * errors.reduce((sum, error) => sum + error, 0);
      const expected = [0, 1, 2].flatMap((row) => {
        const value =
          bias +
          columns.reduce((sum, column, c) => sum + (column[row] as number) * (weights[c] as number), 0);
        return [value, -value];
      });
      expected.forEach((value, i) => {
        expect(logits[i]).toBeCloseTo(value, 4);
      });
    });

    it("is torch's, step by step with all rows at once (fixture protocols)", async () => {
      const metrics = loadFixture("metrics");
      const part = (which: string): LabelledFeatures => ({
        features: Float32Array.from(metrics.entry(`knn/${which}`).data, Number),
        size: 16,
        labels: Int32Array.from(metrics.entry(`knn/${which}_labels`).data, Number),
      });
      // 0.5 for all of 180 rows.
      const options = { epochs: 30, batchSize: 180, learningRate: (0.5 * 256) / 180, momentum: 0.9 };
      const { logits } = await linearProbe(part("train"), part("test"), options);
      const expected = Array.from(loadFixture("protocols/protocols").entry("linear/logits").data, Number);
      expect(closeness(logits, expected).maxAbsolute).toBeLessThan(1e-4);
    });

    it("takes LARS, from small random weights", async () => {
      const [train, test] = [rows(300, 0), rows(200, 1)];
      const options = { epochs: 40, batchSize: 64, learningRate: 40, optimizer: lars() };
      expect(await leakedTensors(() => linearProbe(train, test, options))).toBe(0);
      expect((await linearProbe(train, test, options)).top1).toBeGreaterThan(0.95);
    });

    it("chooses the rate that is best on training rows held out", async () => {
      const train = rows(150, 0);
      const options = { epochs: 5, batchSize: 32, seed: 2 };
      const { learningRate, tried } = await chooseLearningRate(train, [1e-9, 1, 0.5], options);
      expect(tried.map((one) => one.learningRate)).toEqual([1e-9, 1, 0.5]);
      expect(tried[1]?.top1).toBeGreaterThan(0.95);
      const best = Math.max(...tried.map(({ top1 }) => top1));
      expect(learningRate).toBe(tried.find(({ top1 }) => top1 === best)?.learningRate);
      await expect(chooseLearningRate(train, [])).rejects.toThrow(
        "learningRates: expected at least one, got 0",
      );
    });

    it("is the same again with the same seed, another with another", async () => {
      const [train, test] = [rows(100, 0), rows(20, 1)];
      const run = async (seed: number) =>
        (await linearProbe(train, test, { epochs: 2, batchSize: 16, seed })).logits;
      expect(await run(3)).toEqual(await run(3));
      expect(await run(3)).not.toEqual(await run(4));
    });
  });
}

describe("linear probe refuses", () => {
  it.each([
    [{ epochs: 0 }, /epochs: expected a whole number above 0/],
    [{ batchSize: 0 }, /batchSize: expected/],
    [{ learningRate: -1 }, /learningRate: expected/],
    [{ momentum: 1 }, /momentum: expected/],
    [{ classes: 2 }, /labels\[\d+\]: expected a class from 0 to 1/],
  ])("%o", async (options, message) => {
    await expect(linearProbe(rows(30, 0), rows(9, 1), options)).rejects.toThrow(message);
  });

  it("features of another size", async () => {
    const other = { ...rows(9, 1), size: 2 };
    await expect(linearProbe(rows(30, 0), other)).rejects.toThrow(/expected 9 x 2 features, got 27/);
  });
});
