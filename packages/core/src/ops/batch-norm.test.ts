import { closeness, gradientError, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { draw, normalise } from "../../test/normalised.js";
import { SitError } from "../errors.js";
import { batchNorm, batchNormInference } from "./index.js";

for (const engine of await engines({ cpu: true })) {
  describe(`batchNorm on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it.each([
      [2, 1],
      [5, 3],
      [64, 7],
    ])("normalises each of the columns of [%i, %i]", async (rows, features) => {
      const x = tf.add(draw([rows, features], "x"), 3) as tf.Tensor2D;
      const [gamma, beta] = [draw([features], "gamma"), draw([features], "beta")];
      const [values, scale, shift] = [await x.data(), await gamma.data(), await beta.data()];
      const expected = new Array<number>(rows * features);
      const means: number[] = [];
      const variances: number[] = [];
      for (let column = 0; column < features; column++) {
        const list = Array.from({ length: rows }, (_, row) => Number(values[row * features + column]));
        const mean = list.reduce((sum, value) => sum + value, 0) / rows;
        means.push(mean);
        variances.push(list.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows);
        for (const [row, value] of normalise(list, 1e-5).entries()) {
          expected[row * features + column] = value * Number(scale[column]) + Number(shift[column]);
        }
      }
      const { output, mean, variance } = batchNorm(x, gamma, beta);
      expect(closeness(await output.data(), expected).maxAbsolute).toBeLessThan(5e-5);
      expect(closeness(await mean.data(), means).maxAbsolute).toBeLessThan(1e-5);
      expect(closeness(await variance.data(), variances).maxAbsolute).toBeLessThan(1e-5);
      // With its own statistics, evaluation mode must say the same.
      const evaluated = batchNormInference(x, mean, variance, gamma, beta);
      expect(closeness(await evaluated.data(), expected).maxAbsolute).toBeLessThan(5e-5);
    });

    it("has the gradients of finite differences, through the batch's own statistics", async () => {
      const [x, gamma, beta] = [draw([4, 3], "x"), draw([3], "gamma"), draw([3], "beta")];
      const loss = (y: tf.Tensor): tf.Scalar => tf.sum(tf.mul(y, draw([4, 3], "cotangent")));
      const checks = [
        await gradientError((at) => loss(batchNorm(at as tf.Tensor2D, gamma, beta).output), x),
        await gradientError((at) => loss(batchNorm(at as tf.Tensor2D, undefined, undefined).output), x),
        await gradientError((at) => loss(batchNorm(x as tf.Tensor2D, at, beta).output), gamma),
        await gradientError((at) => loss(batchNorm(x as tf.Tensor2D, gamma, at).output), beta),
        await gradientError(
          (at) => loss(batchNormInference(at as tf.Tensor2D, beta, tf.abs(gamma), gamma, undefined)),
          x,
        ),
      ];
      for (const { relativeToMax } of checks) expect(relativeToMax).toBeLessThan(5e-3);
    });

    it("keeps a NaN in its own column", async () => {
      const x = tf.tensor2d([Number.NaN, 1, 0, 2], [2, 2]);
      const y = [...(await batchNorm(x, undefined, undefined).output.data())];
      expect(y.map(Number.isNaN)).toEqual([true, false, true, false]);
    });

    it("throws SitError for a batch of one and for shapes that do not fit", () => {
      const x = draw([3, 4], "x") as tf.Tensor2D;
      expect(() => batchNorm(draw([1, 4], "x") as tf.Tensor2D, undefined, undefined)).toThrow(SitError);
      expect(() => batchNorm(x, tf.ones([3]), undefined)).toThrow(SitError);
      expect(() => batchNorm(x, undefined, tf.ones([1]))).toThrow(SitError);
      expect(() => batchNormInference(x, tf.zeros([3]), tf.ones([4]), undefined, undefined)).toThrow(
        /batchNormInference: expected mean to be \[4\], got \[3\]/,
      );
    });

    it("leaves nothing behind, forward and backward", async () => {
      const x = draw([4, 3], "x") as tf.Tensor2D;
      const [gamma, beta] = [draw([3], "gamma"), draw([3], "beta")];
      expect(
        await leakedTensors(() => {
          const { output, mean, variance } = batchNorm(x, gamma, beta);
          tf.dispose([output, mean, variance]);
          batchNormInference(x, gamma, gamma, gamma, beta).dispose();
        }),
      ).toBe(0);
      const backward = tf.grads((at) =>
        tf.tidy(() => tf.sum(tf.square(batchNorm(at as tf.Tensor2D, gamma, beta).output))),
      );
      expect(await leakedTensors(() => tf.dispose(backward([x])))).toBe(0);
    });
  });
}
