// Losses that serve pretext tasks as they are: classification of transforms, holes; and that of colourisation.
import { gradientError, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { normal, numberOf } from "../test/values.js";
import { chrominanceL2, crossEntropy, infoNce, maskedL2 } from "./index.js";

for (const engine of await engines({ cpu: true })) {
  describe(`pretext tasks on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    test.each([
      ["four rotations", 4],
      ["eight relative positions", 8],
      ["100 jigsaw permutations", 100],
    ])("%s: cross-entropy is log k where nothing is known, 0 where all is", (_, classes) => {
      tf.tidy(() => {
        const labels = tf.range(0, classes, 1, "int32") as tf.Tensor1D;
        const loss = crossEntropy();
        expect(numberOf(loss.loss(tf.zeros([classes, classes]), labels))).toBeCloseTo(Math.log(classes), 5);
        const sure = tf.mul(tf.eye(classes), 50) as tf.Tensor2D;
        expect(numberOf(loss.loss(sure, labels))).toBeLessThan(1e-6);
        // Every label one on: each prediction is wrong, by 50.
        const wrong = tf.mod(tf.add(labels, 1), classes) as tf.Tensor1D;
        expect(numberOf(loss.loss(sure, tf.cast(wrong, "int32")))).toBeCloseTo(50, 3);
        // Classes renamed in both: the same loss.
        const logits = normal<tf.Tensor2D>("logits", [classes, classes]);
        const renamed = tf.reverse(logits, 1);
        const names = tf.sub(classes - 1, labels) as tf.Tensor1D;
        const expected = numberOf(loss.loss(logits, labels));
        expect(numberOf(loss.loss(renamed, tf.cast(names, "int32")))).toBeCloseTo(expected, 4);
      });
    });

    test("context encoder: masked L2 is the mean square inside the hole alone", () => {
      tf.tidy(() => {
        const hole = tf.pad(tf.ones([2, 2, 2, 1]), [
          [0, 0],
          [1, 1],
          [1, 1],
          [0, 0],
        ]) as tf.Tensor4D;
        const clean = normal<tf.Tensor4D>("clean", [2, 4, 4, 3]);
        const offBy3Inside = tf.add(clean, tf.mul(hole, 3)) as tf.Tensor4D;
        expect(numberOf(maskedL2().loss(offBy3Inside, clean, hole))).toBeCloseTo(9, 5);
        const offOutside = tf.add(clean, tf.mul(tf.sub(1, hole), 3)) as tf.Tensor4D;
        expect(numberOf(maskedL2().loss(offOutside, clean, hole))).toBe(0);
      });
    });

    test("InfoNCE: 2T log N where all point the same way, near 0 where images differ", () => {
      tf.tidy(() => {
        for (const temperature of [0.2, 1]) {
          const same = tf.ones([6, 4]) as tf.Tensor2D;
          const loss = infoNce({ temperature });
          expect(numberOf(loss.loss(same, same))).toBeCloseTo(2 * temperature * Math.log(6), 5);
          const apart = tf.eye(6);
          const expected = 2 * temperature * Math.log(1 + 5 * Math.exp(-1 / temperature));
          expect(numberOf(loss.loss(apart, apart))).toBeCloseTo(expected, 5);
        }
        const flat = tf.ones([4]) as unknown as tf.Tensor2D;
        expect(() => infoNce({ temperature: 0 })).toThrow(/^temperature: /);
        expect(() => infoNce().loss(tf.ones([4, 3]), tf.ones([4, 2]))).toThrow(
          /^keys: .*\[4, 3\], got \[4, 2\]/,
        );
        expect(() => infoNce().loss(flat, flat)).toThrow(/^queries: expected \[batch, features\]/);
      });
    });

    test("InfoNCE: gradients of both sides agree with central differences; nothing is left", async () => {
      const [q, k] = [normal<tf.Tensor2D>("q", [5, 4]), normal<tf.Tensor2D>("k", [5, 4])];
      const loss = infoNce({ temperature: 0.5 });
      const ofQueries = (x: tf.Tensor) => loss.loss(x as tf.Tensor2D, k);
      const ofKeys = (x: tf.Tensor) => loss.loss(q, x as tf.Tensor2D);
      expect((await gradientError(ofQueries, q)).relativeToMax).toBeLessThan(1e-2);
      expect((await gradientError(ofKeys, k)).relativeToMax).toBeLessThan(1e-2);
      expect(await leakedTensors(() => tf.grad(ofQueries)(q).dispose())).toBe(0);
      tf.dispose([q, k]);
    });

    test("chrominance: by its definition, in colours of the deviation given", () => {
      tf.tidy(() => {
        const [a, b] = [normal<tf.Tensor4D>("a", [2, 2, 3, 3]), normal<tf.Tensor4D>("b", [2, 2, 3, 3])];
        const mask = tf.tensor4d([1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1], [2, 2, 3, 1]);
        const deviation = [0.25, 0.2, 0.3] as const;
        const uv = (pixel: readonly number[]) => {
          const [red, green, blue] = pixel.map((v, i) => v * (deviation[i] as number)) as [
            number,
            number,
            number,
          ];
          const luma = 0.299 * red + 0.587 * green + 0.114 * blue;
          return [0.492 * (blue - luma), 0.877 * (red - luma)];
        };
        const pixels = (x: tf.Tensor) => tf.reshape(x, [-1, 3]).arraySync() as number[][];
        const [left, right, chosen] = [pixels(a), pixels(b), mask.dataSync()];
        const errors = left.flatMap((pixel, i) => {
          const other = uv(right[i] as number[]);
          return chosen[i] === 1 ? uv(pixel).map((v, c) => (v - (other[c] as number)) ** 2) : [];
        });
        const expected = errors.reduce((sum, e) => sum + e, 0) / errors.length;
        expect(numberOf(chrominanceL2({ deviation }).loss(a, b, mask))).toBeCloseTo(expected, 6);
      });
    });

    test("chrominance: brightness has no say, equal colours give 0, an empty mask gives 0", () => {
      tf.tidy(() => {
        const [a, b] = [normal<tf.Tensor4D>("a", [2, 2, 3, 3]), normal<tf.Tensor4D>("b", [2, 2, 3, 3])];
        const all = tf.ones([2, 2, 3, 1]) as tf.Tensor4D;
        const loss = chrominanceL2();
        const value = numberOf(loss.loss(a, b, all));
        expect(value).toBeGreaterThan(0.1);
        expect(numberOf(loss.loss(tf.add(a, 2), b, all))).toBeCloseTo(value, 4);
        expect(numberOf(loss.loss(tf.add(b, 2), b, all))).toBeLessThan(1e-10);
        expect(numberOf(loss.loss(a, b, tf.zerosLike(all)))).toBe(0);
      });
    });

    test("chrominance: gradients agree with central differences; nothing is left", async () => {
      const [a, b] = [normal<tf.Tensor4D>("a", [2, 2, 3, 3]), normal<tf.Tensor4D>("b", [2, 2, 3, 3])];
      const mask = tf.tensor4d([1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1], [2, 2, 3, 1]);
      const f = (x: tf.Tensor) => chrominanceL2().loss(x as tf.Tensor4D, b, mask);
      expect((await gradientError(f, a)).relativeToMax).toBeLessThan(1e-2);
      expect(await leakedTensors(() => tf.grad(f)(a).dispose())).toBe(0);
      expect(await leakedTensors(() => f(a).dispose())).toBe(0);
      tf.dispose([a, b, mask]);
    });
  });
}

describe("chrominance, bad input", () => {
  test("names the option or argument", () => {
    const deviation = [1, 0, 1] as const;
    expect(() => chrominanceL2({ deviation })).toThrow(/^deviation: expected three finite numbers above 0/);
    tf.tidy(() => {
      const [rgb, grey] = [tf.ones([1, 2, 2, 3]), tf.ones([1, 2, 2, 1])] as [tf.Tensor4D, tf.Tensor4D];
      expect(() => chrominanceL2().loss(grey, grey, grey)).toThrow(/^reconstruction: expected .* 3\], got/);
      expect(() => chrominanceL2().loss(rgb, grey, grey)).toThrow(/^clean: expected \[1, 2, 2, 3\]/);
      expect(() => chrominanceL2().loss(rgb, rgb, rgb)).toThrow(/^mask: expected \[1, 2, 2, 1\]/);
    });
  });
});
