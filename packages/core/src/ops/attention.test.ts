import { closeness, gradientError, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { SitError } from "../errors.js";
import { randomStream } from "../random.js";
import { attention, attentionWeights, gelu } from "./index.js";

const draw = (shape: number[], ...path: (string | number)[]): tf.Tensor =>
  tf.tensor(
    randomStream(0, "attention", ...path).fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1))),
    shape,
  );

/** The formula of Vaswani et al., in float64, element by element. */
function naiveAttention(
  qkv: ArrayLike<number>,
  [batch, tokens, heads, size]: readonly [number, number, number, number],
  bias?: ArrayLike<number>,
): { output: number[]; weights: number[] } {
  const width = heads * size;
  const at = (b: number, t: number, part: number, h: number, d: number): number =>
    Number(qkv[((b * tokens + t) * 3 + part) * width + h * size + d]);
  const output = new Array<number>(batch * tokens * width).fill(0);
  const weights: number[] = [];
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < tokens; i++) {
        const scores = Array.from({ length: tokens }, (_, j) => {
          let sum = 0;
          for (let d = 0; d < size; d++) sum += at(b, i, 0, h, d) * at(b, j, 1, h, d);
          return Math.exp(sum / Math.sqrt(size) + Number(bias?.[(h * tokens + i) * tokens + j] ?? 0));
        });
        const total = scores.reduce((sum, score) => sum + score, 0);
        for (const [j, score] of scores.entries()) {
          weights.push(score / total);
          for (let d = 0; d < size; d++) {
            const index = (b * tokens + i) * width + h * size + d;
            output[index] = Number(output[index]) + (score / total) * at(b, j, 2, h, d);
          }
        }
      }
    }
  }
  return { output, weights };
}

/** Φ by Simpson's rule on its density: independent of any erf. */
function cumulativeNormal(x: number): number {
  const steps = 2000;
  const density = (t: number): number => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
  let sum = density(0) + density(x);
  for (let i = 1; i < steps; i++) sum += density((x * i) / steps) * (i % 2 === 0 ? 2 : 4);
  return 0.5 + (sum * x) / steps / 3;
}

for (const engine of await engines({ cpu: true })) {
  describe(`attention on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it.each([
      [2, 5, 3, 4],
      [1, 1, 1, 1],
      [1, 7, 1, 3],
      [3, 2, 5, 1],
    ] as const)("is softmax(q kᵀ / √headDim) v: batch %i, tokens %i, heads %i of %i", async (...sizes) => {
      const [batch, tokens, heads, size] = sizes;
      const qkv = draw([batch, tokens, 3 * heads * size], "qkv") as tf.Tensor3D;
      const expected = naiveAttention(await qkv.data(), sizes);
      const output = attention(qkv, heads);
      const weights = attentionWeights(qkv, heads);
      expect(output.shape).toEqual([batch, tokens, heads * size]);
      expect(weights.shape).toEqual([batch, heads, tokens, tokens]);
      expect(closeness(await output.data(), expected.output).maxAbsolute).toBeLessThan(1e-5);
      expect(closeness(await weights.data(), expected.weights).maxAbsolute).toBeLessThan(1e-6);
    });

    it("adds a bias to the scores of every sample, with the gradients of finite differences", async () => {
      const [batch, tokens, heads, size] = [3, 4, 2, 2] as const;
      const qkv = draw([batch, tokens, 3 * heads * size], "qkv") as tf.Tensor3D;
      const bias = draw([heads, tokens, tokens], "bias") as tf.Tensor3D;
      const expected = naiveAttention(await qkv.data(), [batch, tokens, heads, size], await bias.data());
      const output = await attention(qkv, heads, bias).data();
      const weights = await attentionWeights(qkv, heads, bias).data();
      expect(closeness(output, expected.output).maxAbsolute).toBeLessThan(1e-5);
      expect(closeness(weights, expected.weights).maxAbsolute).toBeLessThan(1e-6);
      const cotangent = draw([batch, tokens, heads * size], "cotangent");
      const value = (x: tf.Tensor, b: tf.Tensor): tf.Scalar =>
        tf.sum(tf.mul(attention(x as tf.Tensor3D, heads, b as tf.Tensor3D), cotangent));
      for (const { relativeToMax } of [
        await gradientError((at) => value(at, bias), qkv),
        await gradientError((at) => value(qkv, at), bias),
      ]) {
        expect(relativeToMax).toBeLessThan(5e-3);
      }
    });

    it("gives the same with a bias of zeros as without one", async () => {
      const qkv = draw([2, 5, 18], "qkv") as tf.Tensor3D;
      const cotangent = draw([2, 5, 6], "cotangent");
      const both = [tf.zeros([3, 5, 5]) as tf.Tensor3D, undefined].map((bias) => {
        const run = (at: tf.Tensor): tf.Tensor => attention(at as tf.Tensor3D, 3, bias);
        return [run(qkv), tf.grad((at) => tf.sum(tf.mul(run(at), cotangent)))(qkv)] as const;
      }) as [readonly [tf.Tensor, tf.Tensor], readonly [tf.Tensor, tf.Tensor]];
      for (const i of [0, 1] as const) {
        const [biased, plain] = [await both[0][i].data(), await both[1][i].data()];
        expect(closeness(biased, plain).maxAbsolute).toBeLessThan(1e-5);
      }
    });

    it("throws SitError for a bias of another shape", () => {
      const qkv = draw([2, 5, 18], "qkv") as tf.Tensor3D;
      const bias = tf.zeros([3, 5, 4]) as tf.Tensor3D;
      expect(() => attention(qkv, 3, bias)).toThrow(SitError);
      expect(() => attention(qkv, 3, bias)).toThrow(/bias to be \[3, 5, 5\], got \[3, 5, 4\]/);
    });

    it("stays finite with scores of thousands", async () => {
      const qkv = tf.mul(draw([1, 3, 12], "qkv"), 100) as tf.Tensor3D;
      const output = attention(qkv, 2);
      expect([...(await output.data())].every(Number.isFinite)).toBe(true);
    });

    it("has the gradient of finite differences", async () => {
      const qkv = draw([1, 3, 12], "qkv");
      const { relativeToMax } = await gradientError((at) => {
        const output = attention(at as tf.Tensor3D, 2);
        return tf.sum(tf.mul(output, draw([1, 3, 4], "cotangent")));
      }, qkv);
      expect(relativeToMax).toBeLessThan(5e-3);
    });

    it("keeps a NaN in its own sample", async () => {
      const values = new Float32Array(2 * 2 * 6).fill(1);
      values[3] = Number.NaN;
      const output = attention(tf.tensor3d(values, [2, 2, 6]), 1);
      const y = [...(await output.data())];
      expect(y.slice(0, 4).some(Number.isNaN)).toBe(true);
      expect(y.slice(4)).toEqual([1, 1, 1, 1]);
    });

    it.each([5, 0, -2, 1.5])("throws SitError for %d heads on width 4", (heads) => {
      expect(() => attention(draw([1, 2, 12], "qkv") as tf.Tensor3D, heads)).toThrow(SitError);
    });

    it("leaves nothing behind, forward and backward", async () => {
      const qkv = draw([2, 3, 12], "qkv") as tf.Tensor3D;
      expect(
        await leakedTensors(() => {
          tf.dispose([attention(qkv, 2), attentionWeights(qkv, 2)]);
        }),
      ).toBe(0);
      const backward = tf.grad((at) => tf.tidy(() => tf.sum(attention(at as tf.Tensor3D, 2))));
      expect(await leakedTensors(() => backward(qkv).dispose())).toBe(0);
      const bias = draw([2, 3, 3], "bias");
      const biased = tf.grads((at, b) => tf.sum(attention(at as tf.Tensor3D, 2, b as tf.Tensor3D)));
      expect(await leakedTensors(() => tf.dispose(biased([qkv, bias])))).toBe(0);
    });
  });

  describe(`gelu on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("is x Φ(x), exactly and not by tanh", async () => {
      const xs = [-6, -3, -1.5, -0.7, -1e-3, 0, 1e-3, 0.7, 1.5, 3, 6];
      const y = await gelu(tf.tensor1d(xs)).data();
      // tanh's approximation is 4.7e-4 off at its worst, near |x| = 2.3 and 0.7.
      const expected = xs.map((x) => x * cumulativeNormal(x));
      expect(closeness(y, expected).maxAbsolute).toBeLessThan(2e-6);
    });

    it("is x far to the right, 0 far to the left, and passes NaN on", async () => {
      expect([...(await gelu(tf.tensor1d([100, -100, Number.NaN])).data())]).toEqual([100, -0, Number.NaN]);
    });

    it("has the gradient of finite differences and keeps the shape", async () => {
      const x = draw([2, 1, 5], "x");
      expect(gelu(x).shape).toEqual([2, 1, 5]);
      const cotangent = draw([2, 1, 5], "cotangent");
      const { relativeToMax } = await gradientError((at) => tf.sum(tf.mul(gelu(at), cotangent)), x);
      expect(relativeToMax).toBeLessThan(2e-3);
    });

    it("leaves nothing behind, forward and backward", async () => {
      const x = draw([7], "x");
      expect(await leakedTensors(() => gelu(x).dispose())).toBe(0);
      expect(
        await leakedTensors(() =>
          tf
            .grad((at) => tf.sum(gelu(at)))(x)
            .dispose(),
        ),
      ).toBe(0);
    });
  });
}
