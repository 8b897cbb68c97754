import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { closeness, compareTo, gradientError, leakedTensors } from "./index.js";

beforeAll(async () => {
  await tf.setBackend("cpu");
});

describe("closeness", () => {
  it("measures the worst element and the share beyond the tolerance", () => {
    const { maxAbsolute, excess, relativeToMax, shareBeyond } = closeness([1, 2, 10], [1, 2.5, 8], {
      absolute: 0.5,
      relative: 0.1,
    });
    expect(maxAbsolute).toBe(2);
    expect(excess).toBeCloseTo(2 - 0.5 - 0.8, 12);
    expect(relativeToMax).toBe(0.25);
    expect(shareBeyond).toBeCloseTo(1 / 3, 12);
    expect(closeness([0.5], [0], { absolute: 0.5 }).excess).toBe(0);
  });

  it("tells directions apart", () => {
    expect(closeness([3, 4], [6, 8]).cosine).toBeCloseTo(1, 12);
    expect(closeness([3, 4], [-4, 3]).cosine).toBeCloseTo(0, 12);
    expect(closeness([0, 0], [0, 0]).cosine).toBe(1);
    expect(closeness([1, Number.NaN], [1, 1]).cosine).toBeNaN();
  });

  it("takes NaN for NaN and infinity for itself, and never lets a NaN pass for close", () => {
    const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    expect(closeness(odd, odd).maxAbsolute).toBe(0);
    expect(closeness(odd, odd, { absolute: 1e-6, relative: 1e-6 }).excess).toBeLessThanOrEqual(0);
    for (const [a, b] of [
      [
        [Number.NaN, 1],
        [1, 1],
      ],
      [
        [1, 1],
        [Number.NaN, 1],
      ],
      [[1], [1, 1]],
    ] as [number[], number[]][]) {
      expect(closeness(a, b, { absolute: 1 }).excess).toBeNaN();
      expect(closeness(a, b).maxAbsolute).toBeNaN();
    }
  });

  it("refuses another shape with as many elements", async () => {
    const entry = { dtype: "F32" as const, shape: [2, 1], data: Float32Array.of(1, 2) };
    expect((await compareTo(tf.tensor2d([1, 2], [2, 1]), entry)).maxAbsolute).toBe(0);
    await expect(compareTo(tf.tensor1d([1, 2]), entry)).rejects.toThrow(/expected shape \[2, 1\], got \[2\]/);
  });
});

describe("gradientError and leakedTensors", () => {
  it("accepts a right gradient and catches a wrong one", async () => {
    const x = tf.tensor1d([1, -2, 0.5]);
    const right = await gradientError((at) => tf.sum(tf.square(at)), x);
    expect(right.relativeToMax).toBeLessThan(1e-3);
    const halved = tf.customGrad((at) => ({
      value: tf.sum(tf.square(at as tf.Tensor)),
      gradFunc: (dy) => tf.mul(dy, at as tf.Tensor),
    }));
    const wrong = await gradientError((at) => halved(at) as tf.Scalar, x);
    expect(wrong.relativeToMax).toBeCloseTo(1, 2);
  });

  it("counts what is left, and counts nothing of gradientError's own", async () => {
    const x = tf.tensor1d([1, 2]);
    expect(await leakedTensors(() => [tf.add(x, 1), tf.add(x, 2)])).toBe(2);
    expect(await leakedTensors(() => gradientError((at) => tf.sum(tf.square(at)), x))).toBe(0);
  });
});
