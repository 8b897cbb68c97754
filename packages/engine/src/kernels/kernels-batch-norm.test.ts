import { batchNorm, runKernel } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeEach, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import {
  draw,
  expectClose,
  expectRefused,
  expectSameComposed,
  kernelsOf,
  valueAndGradients,
} from "../testing/kernel-checks.js";
import { batchNormReference } from "../testing/pixel-reference.js";
import { registerKernels } from "./register.js";

// Only where the native engine is installed and its kernels were compiled.
const native = (await engines()).find(({ engine }) => engine.kernels.length > 0);

const output = (x: tf.Tensor, gamma?: tf.Tensor, beta?: tf.Tensor, epsilon?: number): tf.Tensor =>
  batchNorm(x as tf.Tensor2D, gamma, beta, epsilon).output;

describe.skipIf(native === undefined)("fused batch norm", () => {
  beforeEach(async () => {
    await native?.use();
    registerKernels();
  });

  it.each([
    [2, 1],
    [3, 63],
    [5, 64],
    [7, 65],
    [129, 33],
    [64, 257],
    [1000, 3],
  ] as const)("is the float64 formula with its gradients: rows %i, features %i", async (...size) => {
    const [rows, features] = size;
    const x = tf.add(draw([rows, features], "x", 3), 5);
    const [gamma, beta] = [draw([features], "gamma"), draw([features], "beta")];
    const dy = draw([rows, features], "dy");
    const [xs, gammas, betas, d] = await Promise.all([x, gamma, beta, dy].map((tensor) => tensor.data()));
    const wanted = batchNormReference(xs as Float32Array, gammas, betas, d as Float32Array, [...size], 1e-2);
    const made = valueAndGradients(
      (a, g, b) => output(a as tf.Tensor, g as tf.Tensor, b as tf.Tensor, 1e-2),
      [x, gamma, beta],
      dy,
    );
    const all = [wanted.y, wanted.dx, wanted.dGamma, wanted.dBeta];
    // Two rows are normalised to 1 and -1 almost whatever they are: little is left of the gradient.
    const tolerance = rows === 2 ? 1e-4 : 5e-6;
    for (const [i, tensor] of made.entries()) await expectClose(tensor, all[i] as Float64Array, tolerance);
    const { mean, variance } = batchNorm(x as tf.Tensor2D, gamma, beta, 1e-2);
    expect([mean.shape, variance.shape]).toEqual([[features], [features]]);
    await expectClose(mean, wanted.mean, 1e-7);
    await expectClose(variance, wanted.variance, 1e-7);
  });

  it("takes gamma, beta, both or none, like the composed form", async () => {
    const xs = [draw([9, 5], "x"), draw([5], "gamma"), draw([5], "beta")];
    const [x, gamma, beta] = xs as [tf.Tensor, tf.Tensor, tf.Tensor];
    const dy = draw([9, 5], "dy");
    await expectSameComposed(
      () => [
        ...valueAndGradients((a) => output(a as tf.Tensor), [x], dy),
        ...valueAndGradients((a, g) => output(a as tf.Tensor, g), [x, gamma], dy),
        ...valueAndGradients((a, b) => output(a as tf.Tensor, undefined, b), [x, beta], dy),
      ],
      5e-6,
    );
  });

  it.each([1e-15, 1e-3, 1e15])("keeps magnitudes of %d, like the composed form", async (scale) => {
    await expectSameComposed(
      () =>
        valueAndGradients(
          (x, gamma, beta) => output(x as tf.Tensor, gamma, beta),
          [draw([33, 20], "x", scale), draw([20], "gamma"), draw([20], "beta")],
          draw([33, 20], "dy"),
        ),
      1e-5,
    );
  });

  it("keeps the variance of numbers far from 0", async () => {
    // 4096, 4097, …, 4103: float32 sums of squares would lose it.
    const x = tf.tensor2d(
      Array.from({ length: 8 }, (_, i) => 4096 + i),
      [8, 1],
    );
    const { mean, variance } = batchNorm(x, undefined, undefined);
    expect([...(await mean.data()), ...(await variance.data())]).toEqual([4099.5, 5.25]);
  });

  it("keeps a NaN and an infinity in their own columns, forward and backward", async () => {
    const values = new Float32Array(4 * 70).map((_, i) => i % 7);
    values[3] = Number.NaN;
    values[70 + 66] = Number.POSITIVE_INFINITY;
    const made = valueAndGradients(
      (x) => output(x as tf.Tensor),
      [tf.tensor(values, [4, 70])],
      draw([4, 70], "dy"),
    );
    for (const tensor of made) {
      const wrong = new Set(
        [...(await tensor.data())].flatMap((value, i) => (value - value === 0 ? [] : i % 70)),
      );
      expect([...wrong].sort()).toEqual([3, 66]);
    }
  });

  it("runs where the facade is called, takes no features, and leaves nothing behind", async () => {
    const gradient = tf.grad((x) => tf.tidy(() => tf.sum(tf.square(output(x)))));
    const x = draw([4, 3], "x");
    expect(kernelsOf(() => gradient(x).dispose())).toEqual([
      "SitBatchStatistics",
      "SitBatchNorm",
      "SitBatchNormGrad",
    ]);
    expect(await leakedTensors(() => gradient(x).dispose())).toBe(0);
    expect(output(tf.zeros([3, 0])).shape).toEqual([3, 0]);
  });

  const ones = (...shape: number[]): tf.Tensor => tf.ones(shape);
  const epsilon = { epsilon: 1e-5 };
  const calls: Record<string, () => unknown> = {
    "statistics: rank": () => runKernel("SitBatchStatistics", { x: ones(3) }),
    "statistics: no rows": () => runKernel("SitBatchStatistics", { x: ones(0, 3) }),
    "statistics: whole numbers": () => runKernel("SitBatchStatistics", { x: tf.ones([2, 3], "int32") }),
    "norm: mean": () => runKernel("SitBatchNorm", { x: ones(2, 3), m: ones(2), v: ones(3) }, epsilon),
    "norm: one of gamma and beta": () =>
      runKernel("SitBatchNorm", { x: ones(2, 3), m: ones(3), v: ones(3), g: ones(3) }, epsilon),
    "norm: beta": () =>
      runKernel("SitBatchNorm", { x: ones(2, 3), m: ones(3), v: ones(3), g: ones(3), b: ones(2) }, epsilon),
    "norm: rank": () => runKernel("SitBatchNorm", { x: ones(3), m: ones(3), v: ones(3) }, epsilon),
    "norm: two inputs": () => runKernel("SitBatchNorm", { x: ones(2, 3), m: ones(3) }, epsilon),
    "norm: no epsilon": () => runKernel("SitBatchNorm", { x: ones(2, 3), m: ones(3), v: ones(3) }),
    "gradient: dy": () =>
      runKernel("SitBatchNormGrad", { dy: ones(3, 2), x: ones(2, 3), m: ones(3), v: ones(3) }, epsilon),
    "gradient: gamma": () =>
      runKernel(
        "SitBatchNormGrad",
        { dy: ones(2, 3), x: ones(2, 3), m: ones(3), v: ones(3), g: ones(1) },
        epsilon,
      ),
  };
  it.each(Object.entries(calls))("a wrong call is an error: %s", (_, call) => expectRefused(call));
});
