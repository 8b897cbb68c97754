import { closeness, gradientError, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { draw, normalise } from "../../test/normalised.js";
import { SitError } from "../errors.js";
import { layerNorm } from "./index.js";

for (const engine of await engines({ cpu: true })) {
  describe(`layerNorm on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it.each([
      { shape: [2, 3, 7], epsilon: 1e-6 },
      { shape: [1, 1], epsilon: 1e-6 },
      { shape: [5, 33], epsilon: 0.5 },
    ])("normalises the last axis of $shape, epsilon $epsilon", async ({ shape, epsilon }) => {
      const features = shape[shape.length - 1] as number;
      const x = tf.add(tf.mul(draw(shape, "x"), 3), 10); // far from mean 0
      const [gamma, beta] = [draw([features], "gamma"), draw([features], "beta")];
      const [values, scale, shift] = [await x.data(), await gamma.data(), await beta.data()];
      const expected: number[] = [];
      for (let start = 0; start < values.length; start += features) {
        const normal = normalise(Array.from(values.slice(start, start + features)), epsilon);
        expected.push(...normal.map((value, i) => value * Number(scale[i]) + Number(shift[i])));
      }
      const y = layerNorm(x, gamma, beta, epsilon);
      expect(y.shape).toEqual(shape);
      expect(closeness(await y.data(), expected).maxAbsolute).toBeLessThan(2e-5);
    });

    it("has the gradients of finite differences", async () => {
      const [x, gamma, beta] = [draw([3, 6], "x"), draw([6], "gamma"), draw([6], "beta")];
      const loss = (y: tf.Tensor): tf.Scalar => tf.sum(tf.mul(y, draw([3, 6], "cotangent")));
      const checks = [
        await gradientError((at) => loss(layerNorm(at, gamma, beta)), x),
        await gradientError((at) => loss(layerNorm(x, at, beta)), gamma),
        await gradientError((at) => loss(layerNorm(x, gamma, at)), beta),
      ];
      for (const { relativeToMax } of checks) expect(relativeToMax).toBeLessThan(5e-3);
    });

    it("does not change when a constant is added to a row, and gives beta for a constant row", async () => {
      const [gamma, beta] = [tf.ones([4]), tf.tensor1d([1, 2, 3, 4])];
      expect([...(await layerNorm(tf.fill([1, 4], 7), gamma, beta).data())]).toEqual([1, 2, 3, 4]);
      const x = tf.tensor2d([1, 2, 3, 5], [1, 4]);
      const moved = await layerNorm(tf.add(x, 64), gamma, beta).data();
      expect(closeness(moved, await layerNorm(x, gamma, beta).data()).maxAbsolute).toBeLessThan(1e-5);
    });

    it("keeps a NaN in its own row", async () => {
      const x = tf.tensor2d([Number.NaN, 0, 1, -1, 1, 0], [2, 3]);
      const y = [...(await layerNorm(x, tf.ones([3]), tf.zeros([3])).data())];
      expect(y.slice(0, 3).every(Number.isNaN)).toBe(true);
      expect(y.slice(3).every(Number.isFinite)).toBe(true);
    });

    it("throws SitError for shapes that do not fit", () => {
      expect(() => layerNorm(draw([2, 3], "x"), tf.ones([4]), tf.zeros([4]))).toThrow(SitError);
      expect(() => layerNorm(draw([2, 3], "x"), tf.ones([3]), tf.zeros([1]))).toThrow(SitError);
    });

    it("leaves nothing behind, forward and backward", async () => {
      const [x, gamma, beta] = [draw([3, 6], "x"), draw([6], "gamma"), draw([6], "beta")];
      expect(await leakedTensors(() => layerNorm(x, gamma, beta).dispose())).toBe(0);
      const backward = tf.grads((a, b, c) =>
        tf.sum(layerNorm(a as tf.Tensor, b as tf.Tensor, c as tf.Tensor)),
      );
      expect(await leakedTensors(() => tf.dispose(backward([x, gamma, beta])))).toBe(0);
    });
  });
}
