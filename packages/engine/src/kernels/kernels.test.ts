import { attention, gelu, layerNorm, linear, linearGelu } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import { adamW, momentumUpdate } from "@sitjs/train";
import * as tf from "@tensorflow/tfjs";
import { beforeEach, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { draw, expectClose, expectSameComposed, valueAndGradients } from "../testing/kernel-checks.js";
import * as reference from "../testing/kernel-reference.js";
import { type LinearNumbers, linearReference } from "../testing/product-reference.js";
import { useEngine } from "../use-engine.js";
import { kernelNames, registerKernels } from "./register.js";

// Only where the native engine is installed and its kernels were compiled.
const native = (await engines()).find(({ engine }) => engine.kernels.length > 0);

describe.skipIf(native === undefined)("fused kernels", () => {
  beforeEach(async () => {
    await native?.use();
    registerKernels();
  });

  it("are all registered and named by the engine", () => {
    expect(native?.engine.kernels).toEqual(kernelNames);
    for (const name of kernelNames) expect(tf.getKernel(name, "tensorflow")).toBeDefined();
  });

  it("are off on request, and back again", async () => {
    const off = await useEngine({ prefer: "tfjs-node", kernels: false });
    expect(off.kernels).toEqual([]);
    expect(off.note).toContain("fused kernels off");
    expect(kernelNames.some((name) => tf.getKernel(name, "tensorflow") != null)).toBe(false);
    expect((await useEngine({ prefer: "tfjs-node" })).kernels).toEqual(kernelNames);
  });

  describe("linear", () => {
    const sizes = [
      [1, 1, 1],
      [1, 3, 2],
      [5, 1, 7],
      [17, 16, 16],
      [85, 33, 31],
      [14, 64, 65],
      [500, 7, 49],
      [1200, 20, 15],
      [3, 130, 341],
    ] as const;

    it.each(sizes)("is the float64 formula with its gradients: rows %i, in %i, out %i", async (...size) => {
      const [rows, inputs, outputs] = size;
      const xs = [draw([rows, inputs], "x"), draw([outputs, inputs], "weight"), draw([outputs], "bias")];
      const dy = draw([rows, outputs], "dy");
      const [x, weight, bias, d] = await Promise.all([...xs, dy].map((tensor) => tensor.data()));
      for (const withGelu of [false, true]) {
        const f = withGelu ? linearGelu : linear;
        const made = valueAndGradients((a, w, b) => f(a as tf.Tensor, w as tf.Tensor, b), xs, dy);
        const given = { x, weight, bias, size, gelu: withGelu } as LinearNumbers;
        const wanted = linearReference(given, d as Float32Array);
        const all = [wanted.y, wanted.dx, wanted.dWeight, wanted.dBias];
        for (const [i, tensor] of made.entries()) await expectClose(tensor, all[i] as Float64Array, 3e-6);
      }
    });

    it("takes any rank of x and weight, and no bias", async () => {
      await expectSameComposed(() => {
        const xs = [draw([2, 3, 4, 12], "x"), draw([5, 3, 2, 2], "weight")];
        const dy = draw([2, 3, 4, 5], "dy");
        const made = valueAndGradients((x, w) => linear(x as tf.Tensor, w as tf.Tensor), xs, dy);
        return [...made, linearGelu(xs[0] as tf.Tensor, xs[1] as tf.Tensor)];
      }, 3e-6);
    });

    it.each([1e-18, 1e-3, 1e12])("keeps magnitudes of %d", async (scale) => {
      await expectSameComposed(
        () =>
          valueAndGradients(
            (x, w, b) => linear(x as tf.Tensor, w as tf.Tensor, b),
            [draw([40, 19], "x", scale), draw([21, 19], "weight"), draw([21], "bias", scale)],
            draw([40, 21], "dy"),
          ),
        3e-6,
      );
    });

    it("keeps a NaN or an infinity in its own row", async () => {
      const x = await draw([20, 9], "x").data();
      x[9 * 4] = Number.NaN;
      x[9 * 15] = Number.POSITIVE_INFINITY;
      const y = await linear(tf.tensor(x, [20, 9]), tf.ones([33, 9]), tf.zeros([33])).data();
      for (let row = 0; row < 20; row++) {
        const part = [...y.slice(row * 33, row * 33 + 33)];
        if (row === 4) expect(part.every(Number.isNaN)).toBe(true);
        else if (row === 15) expect(part.every((value) => value === Number.POSITIVE_INFINITY)).toBe(true);
        else expect(part.every(Number.isFinite)).toBe(true);
      }
    });
  });

  describe("gelu", () => {
    it("has Φ to 5e-7 of its value, in both tails", async () => {
      const xs = Float32Array.from({ length: 4001 }, (_, i) => (i - 2000) / 250); // -8 to 8
      const y = await gelu(tf.tensor1d(xs)).data();
      const slope = await tf
        .grad((x) => gelu(x))(tf.tensor1d(xs))
        .data();
      for (const [i, x] of xs.entries()) {
        const tolerance = x < -4 ? 3e-6 : 7e-7; // the rounding of x² / 2 is the tail's own
        expect(Math.abs((y[i] as number) - reference.gelu(x))).toBeLessThanOrEqual(
          tolerance * Math.abs(reference.gelu(x)),
        );
        expect(Math.abs((slope[i] as number) - reference.geluSlope(x))).toBeLessThan(5e-7);
      }
    });

    it("goes through infinity, NaN, the largest and the smallest numbers", async () => {
      const xs = [Number.POSITIVE_INFINITY, Number.NaN, 3e38, -3e38, 1e-38, -1e-30, 0];
      const y = [...(await gelu(tf.tensor1d(xs)).data())];
      expect(y.slice(0, 2)).toEqual([Number.POSITIVE_INFINITY, Number.NaN]);
      expect(y[2]).toBe(Math.fround(3e38));
      expect(Math.abs(y[3] as number)).toBe(0);
      expect(y[5]).toBeCloseTo(-5e-31, 36);
      expect(y[6]).toBe(0);
    });
  });

  describe("layer norm", () => {
    it.each([
      [1, 1],
      [3, 3],
      [7, 64],
      [65, 33],
      [129, 5],
      [3000, 17],
    ] as const)("is the float64 formula with its gradients: rows %i, features %i", async (...size) => {
      const [rows, features] = size;
      const xs = [draw([rows, features], "x", 3), draw([features], "gamma"), draw([features], "beta")];
      const dy = draw([rows, features], "dy");
      const made = valueAndGradients(
        (x, gamma, beta) => layerNorm(x as tf.Tensor, gamma as tf.Tensor, beta as tf.Tensor, 1e-2),
        xs,
        dy,
      );
      const [x, gamma, beta, d] = await Promise.all([...xs, dy].map((tensor) => tensor.data()));
      const wanted = reference.layerNormReference(
        x as Float32Array,
        gamma as Float32Array,
        beta as Float32Array,
        d as Float32Array,
        size,
        1e-2,
      );
      const all = [wanted.y, wanted.dx, wanted.dGamma, wanted.dBeta];
      for (const [i, tensor] of made.entries()) await expectClose(tensor, all[i] as Float64Array, 5e-6);
    });

    it.each([1e-12, 1e15])("keeps magnitudes of %d, like the composed form", async (scale) => {
      await expectSameComposed(
        () =>
          valueAndGradients(
            (x, gamma, beta) => layerNorm(x as tf.Tensor, gamma as tf.Tensor, beta as tf.Tensor),
            [draw([2, 9, 40], "x", scale), draw([40], "gamma"), draw([40], "beta")],
            draw([2, 9, 40], "dy"),
          ),
        1e-5,
      );
    });

    it("keeps a NaN in its own row", async () => {
      const x = await draw([6, 19], "x").data();
      x[19 * 2 + 18] = Number.NaN;
      const y = await layerNorm(tf.tensor(x, [6, 19]), tf.ones([19]), tf.zeros([19])).data();
      expect(Array.from(y, Number.isNaN)).toEqual(Array.from(y, (_, i) => Math.floor(i / 19) === 2));
    });
  });

  describe("attention", () => {
    it.each([
      [1, 1, 1, 1],
      [2, 5, 3, 4],
      [1, 7, 1, 3],
      [3, 2, 5, 1],
      [2, 17, 4, 16],
      [1, 33, 2, 20],
      [1, 65, 1, 64],
      [2, 197, 1, 8],
    ] as const)(
      "is the float64 formula with its gradient: batch %i, tokens %i, heads %i of %i",
      async (...size) => {
        const [batch, tokens, heads, head] = size;
        const qkv = draw([batch, tokens, 3 * heads * head], "qkv");
        const dy = draw([batch, tokens, heads * head], "dy");
        const [output, dQkv] = valueAndGradients((x) => attention(x as tf.Tensor3D, heads), [qkv], dy);
        const wanted = reference.attentionReference(await qkv.data(), await dy.data(), size);
        await expectClose(output as tf.Tensor, wanted.output, 3e-6);
        await expectClose(dQkv as tf.Tensor, wanted.dQkv, 5e-6);
      },
    );

    it("stays finite with scores of thousands, like the composed form", async () => {
      await expectSameComposed(
        () => [attention(draw([2, 18, 3 * 24], "qkv", 50) as tf.Tensor3D, 3)],
        1e-4, // differences of scores of thousands keep four digits
      );
    });

    it("keeps a NaN and an infinity in their own sample and head", async () => {
      const values = new Float32Array(2 * 17 * 12).fill(1);
      values[3] = Number.NaN;
      values[17 * 12] = Number.POSITIVE_INFINITY;
      const y = await attention(tf.tensor3d(values, [2, 17, 12]), 2).data();
      const isOne = Array.from(y, (value) => Math.abs(value - 1) < 1e-6);
      expect(isOne.slice(0, 4)).toEqual([true, true, false, false]); // 3 is head 2's: of the query
      expect(isOne.slice(4, 17 * 4).every(Boolean)).toBe(true);
      expect(isOne.slice(17 * 4, 17 * 4 + 4)).toEqual([false, false, true, true]);
    });
  });

  describe("optimizer", () => {
    const shapes = [[3, 5], [7], [1], [130, 140], [2, 2, 2], [17]];
    const params = (name: string, scale = 1): Record<string, tf.Tensor> =>
      Object.fromEntries(shapes.map((shape, i) => [`p${i}`, draw(shape, `${name}${i}`, scale)]));

    it.each([undefined, { perParameter: 0.3 }, { perParameter: 1e6 }, { global: 0.5 }])(
      "steps AdamW as the composed form with clipping %o",
      async (clipping) => {
        await expectSameComposed(() => {
          const optimizer = adamW({ clipping, epsilon: 1e-6 });
          let [current, state] = [
            params("value") as Record<string, tf.Tensor>,
            optimizer.init(params("value")),
          ];
          for (let step = 0; step < 3; step++) {
            const next = optimizer.update({
              params: current,
              gradients: params(`gradient ${step}`, 10 ** (step - 1)),
              state,
              step,
              learningRate: 1e-2,
              weightDecay: 0.1,
            });
            [current, state] = [{ ...next.params }, next.state];
          }
          return [...Object.values(current), ...Object.values(state)];
        }, 2e-5);
      },
    );

    it("does not hide a NaN gradient", async () => {
      const optimizer = adamW({ clipping: { perParameter: 1 } });
      const next = optimizer.update({
        params: params("value"),
        gradients: { ...params("gradient"), p1: tf.fill([7], Number.NaN) },
        state: optimizer.init(params("value")),
        step: 0,
        learningRate: 1e-3,
        weightDecay: 0,
      });
      expect([...(await (next.params.p1 as tf.Tensor).data())].every(Number.isNaN)).toBe(true);
      expect([...(await (next.params.p0 as tf.Tensor).data())].every(Number.isFinite)).toBe(true);
    });

    it("moves the teacher as the composed form", async () => {
      await expectSameComposed(
        () => Object.values(momentumUpdate(params("teacher"), params("student"), 0.996)),
        1e-6,
      );
    });
  });

  it("leave no tensor behind, forward and backward", async () => {
    const qkv = draw([2, 3, 12], "qkv") as tf.Tensor3D;
    const weight = draw([12, 4], "weight");
    const work = tf.grad((x) =>
      tf.tidy(() => linearGelu(attention(x as tf.Tensor3D, 2), weight, tf.zeros([12]))),
    );
    expect(await leakedTensors(() => work(qkv).dispose())).toBe(0);
  });

  it("give the same numbers each time, whatever part a thread takes", async () => {
    const make = async (): Promise<Float32Array[]> => {
      const xs = [draw([900, 33], "x"), draw([65, 33], "weight"), draw([65], "bias")];
      const made = valueAndGradients(
        (x, w, b) => linearGelu(x as tf.Tensor, w as tf.Tensor, b),
        xs,
        draw([900, 65], "dy"),
      );
      return await Promise.all(made.map(async (tensor) => Float32Array.from(await tensor.data())));
    };
    const first = await make();
    for (let round = 0; round < 4; round++) expect(await make()).toEqual(first);
  });

  it("take batches of none", () => {
    expect(linear(tf.zeros([0, 3]), tf.ones([4, 3]), tf.zeros([4])).shape).toEqual([0, 4]);
    expect(attention(tf.zeros([0, 2, 12]), 2).shape).toEqual([0, 2, 4]);
    const [dx, dWeight] = tf.grads((x, w) => linear(x as tf.Tensor, w as tf.Tensor, tf.zeros([4])))(
      [tf.zeros([0, 3]), tf.ones([4, 3])],
      tf.zeros([0, 4]),
    );
    expect((dx as tf.Tensor).shape).toEqual([0, 3]);
    expect([...(dWeight as tf.Tensor).dataSync()]).toEqual(new Array(12).fill(0));
  });
});
