import { SitError } from "@sitjs/core";
import { gradientError, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { normal, numberOf } from "../test/values.js";
import { binaryFocalLoss, relation, relationPairs } from "./index.js";

const logitValues = [-2.5, -0.4, 0.1, 0.8, 3, -1.2];
const labelValues = [1, 0, 1, 0, 1, 0];

for (const engine of await engines({ cpu: true })) {
  describe(`relation on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    test.each([0, 0.5, 2, 3])("gamma %s: the definition", (gamma) => {
      tf.tidy(() => {
        const terms = logitValues.map((z, i) => {
          const p = 1 / (1 + Math.exp(labelValues[i] === 1 ? -z : z));
          return -((1 - p) ** gamma) * Math.log(p);
        });
        const expected = terms.reduce((a, b) => a + b) / terms.length;
        const labels = tf.tensor1d(labelValues);
        const flat = tf.tensor1d(logitValues);
        for (const logits of [flat, tf.reshape(flat, [6, 1]) as tf.Tensor2D]) {
          expect(numberOf(relation({ gamma }).loss(logits, labels))).toBeCloseTo(expected, 5);
        }
        const whole = tf.tensor1d(labelValues, "int32");
        expect(numberOf(relation({ gamma }).loss(flat, whole))).toBeCloseTo(expected, 5);
      });
    });

    test("no opinion gives log 2 over 2^gamma, the right one 0, the wrong one its size", () => {
      tf.tidy(() => {
        const labels = tf.tensor1d(labelValues);
        const right = tf.mul(tf.sub(tf.mul(labels, 2), 1), 40) as tf.Tensor1D;
        for (const gamma of [0, 1, 2]) {
          const at = (logits: tf.Tensor1D) => numberOf(binaryFocalLoss(logits, labels, gamma));
          expect(at(tf.zeros([6]))).toBeCloseTo(Math.log(2) / 2 ** gamma, 6);
          expect(at(right)).toBeLessThan(1e-6);
          expect(at(tf.neg(right))).toBeCloseTo(40, 4);
        }
      });
    });

    test("labels and logits the other way round, or in another order, make no difference", () => {
      tf.tidy(() => {
        const [logits, labels] = [tf.tensor1d(logitValues), tf.tensor1d(labelValues)];
        const expected = numberOf(relation().loss(logits, labels));
        const flipped = relation().loss(tf.neg(logits), tf.sub(1, labels) as tf.Tensor1D);
        expect(numberOf(flipped)).toBeCloseTo(expected, 6);
        const turned = relation().loss(tf.reverse(logits), tf.reverse(labels));
        expect(numberOf(turned)).toBeCloseTo(expected, 6);
      });
    });

    test("gradients agree with central differences, and are finite for logits of 1e4", async () => {
      const [logits, labels] = [tf.tensor1d(logitValues), tf.tensor1d(labelValues)];
      for (const gamma of [0, 0.5, 2]) {
        const f = (x: tf.Tensor) => binaryFocalLoss(x as tf.Tensor1D, labels, gamma);
        expect((await gradientError(f, logits)).relativeToMax).toBeLessThan(1e-2);
        tf.tidy(() => {
          const { value, grad } = tf.valueAndGrad(f)(tf.mul(logits, 1e4));
          expect(Number.isFinite(value.dataSync()[0])).toBe(true);
          expect(grad.dataSync().every(Number.isFinite)).toBe(true);
        });
      }
      tf.dispose([logits, labels]);
    });

    test("pairs: both views of each image, then the first with another image's second", () => {
      tf.tidy(() => {
        // Row = 10 x view + image.
        const rows = [0, 1, 2, 10, 11, 12, 20, 21, 22];
        const { pairs, labels } = relationPairs(tf.tensor2d(rows, [9, 1]), 3);
        expect(pairs.shape).toEqual([18, 2]);
        expect(Array.from(labels.dataSync())).toEqual([...Array(9).fill(1), ...Array(9).fill(0)]);
        const found = pairs.arraySync() as [number, number][];
        for (const [i, [a, b]] of found.entries()) {
          expect(Math.floor(a / 10)).toBeLessThan(Math.floor(b / 10)); // two views
          expect(a % 10 === b % 10).toBe(i < 9);
        }
        expect(new Set(found.map(String)).size).toBe(18);
        // Turned by 1, by 2, and by 1 again, as a turn by 3 would be none.
        const negatives = [0, 12, 1, 10, 2, 11, 0, 21, 1, 22, 2, 20, 10, 22, 11, 20, 12, 21];
        expect(found.slice(9).flat()).toEqual(negatives);
      });
    });

    test("gradients go through the pairs to all views", async () => {
      const features = normal<tf.Tensor2D>("features", [6, 3]);
      const weights = normal<tf.Tensor2D>("weights", [6, 1]);
      const f = (x: tf.Tensor) => {
        const { pairs, labels } = relationPairs(x as tf.Tensor2D, 2);
        return relation().loss(tf.matMul(pairs, weights) as tf.Tensor2D, labels);
      };
      expect((await gradientError((x) => tf.tidy(() => f(x)), features)).relativeToMax).toBeLessThan(1e-2);
      tf.dispose([features, weights]);
    });

    test("nothing is left behind", async () => {
      const [logits, labels] = [tf.tensor1d(logitValues), tf.tensor1d(labelValues)];
      const features = normal<tf.Tensor2D>("features", [6, 3]);
      expect(await leakedTensors(() => relationPairs(features, 3))).toBe(2);
      const leaked = await leakedTensors(() => {
        const { value, grad } = tf.valueAndGrad((x) => relation().loss(x as tf.Tensor1D, labels))(logits);
        tf.dispose([value, grad]);
      });
      expect(leaked).toBe(0);
      tf.dispose([logits, labels, features]);
    });
  });
}

describe("relation, bad input", () => {
  test("names the option or argument", () => {
    expect(() => relation({ gamma: -1 })).toThrow(/^gamma: expected a finite number, at least 0, got -1/);
    tf.tidy(() => {
      const labels = tf.tensor1d(labelValues);
      expect(() => relation().loss(tf.ones<tf.Rank.R2>([6, 2]), labels)).toThrow(
        /^logits: expected \[pairs\]/,
      );
      expect(() => relation().loss(tf.ones<tf.Rank.R1>([5]), labels)).toThrow(
        /^labels: expected \[5\], got \[6\]/,
      );
      expect(() => relationPairs(tf.ones([6, 2]), 1)).toThrow(/^views: expected a whole number, at least 2/);
      expect(() => relationPairs(tf.ones([5, 2]), 2)).toThrow(/^features: expected \[2 x batch, features\]/);
      expect(() => relationPairs(tf.ones([2, 2]), 2)).toThrow(SitError);
    });
  });
});
