import { maskedError, patchify, randomStream, residual, runKernel, unpatchify } from "@sitjs/core";
import { closeness, leakedTensors } from "@sitjs/core/testing";
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
import { maskedErrorReference, patchPlaces } from "../testing/pixel-reference.js";
import { registerKernels, unregisterKernels } from "./register.js";

// Only where the native engine is installed and its kernels were compiled.
const native = (await engines()).find(({ engine }) => engine.kernels.length > 0);

type Size = [number, number, number, number];

describe.skipIf(native === undefined)("fused kernels on pixels", () => {
  beforeEach(async () => {
    await native?.use();
    registerKernels();
  });

  describe("residual with drop path", () => {
    const dropped = (x: tf.Tensor, branch: tf.Tensor): tf.Tensor =>
      residual(x, branch, 0.4, randomStream(1, "drop path"));

    it.each([
      [1, 1],
      [7, 3, 5],
      [3, 8193],
      [2, 3, 5, 2],
      [0, 4],
    ])("is x + scale x branch with its gradients: %i, %i, …", async (...shape) => {
      const [x, branch, dy] = [draw(shape, "x"), draw(shape, "branch"), draw(shape, "dy")];
      const [xs, branches, d] = await Promise.all([x, branch, dy].map((tensor) => tensor.data()));
      const rng = randomStream(1, "drop path");
      const scales = Array.from({ length: shape[0] as number }, () => (rng.chance(0.4) ? 0 : 1 / 0.6));
      const scaleOf = (i: number): number =>
        scales[Math.floor(i / (x.size / (shape[0] as number)))] as number;
      const [y, dx, dBranch] = valueAndGradients(
        (a, b) => dropped(a as tf.Tensor, b as tf.Tensor),
        [x, branch],
        dy,
      );
      const sum = Array.from(xs as Float32Array, (value, i) => value + scaleOf(i) * Number(branches?.[i]));
      await expectClose(y as tf.Tensor, sum, 1e-6);
      await expectClose(dx as tf.Tensor, d as Float32Array, 0);
      const scaled = Array.from(d as Float32Array, (value, i) => value * scaleOf(i));
      await expectClose(dBranch as tf.Tensor, scaled, 1e-6);
      expect((y as tf.Tensor).shape).toEqual(shape);
    });

    it.each([1e-30, 1, 1e30])("agrees with the composed form at magnitudes of %d", async (scale) => {
      const shape = [9, 5, 17];
      await expectSameComposed(
        () =>
          valueAndGradients(
            (a, b) => dropped(a as tf.Tensor, b as tf.Tensor),
            [draw(shape, "x", scale), draw(shape, "branch", scale)],
            draw(shape, "dy"),
          ),
        1e-6,
      );
    });

    it("keeps NaN and infinity in their sample, in dropped branches too, as the composed form", async () => {
      const values = new Float32Array(6 * 5).fill(1);
      for (let sample = 0; sample < 5; sample++) values[sample * 5] = sample % 2 ? Number.NaN : 1 / 0;
      const odd = tf.tensor(values, [6, 5]);
      const fused = await dropped(tf.ones([6, 5]), odd).data();
      unregisterKernels();
      const composed = await dropped(tf.ones([6, 5]), odd).data();
      expect(closeness(fused, composed).maxAbsolute).toBeLessThan(1e-6);
      expect([...fused].filter(Number.isFinite).length).toBe(25);
    });
  });

  describe("patchify and unpatchify", () => {
    const sizes: [Size, number][] = [
      [[1, 1, 1, 1], 1],
      [[2, 8, 12, 3], 4],
      [[3, 8, 4, 1], 4],
      [[2, 16, 32, 3], 16],
      [[1, 9, 6, 3], 3],
      [[2, 5, 7, 4], 1],
      [[1, 7, 14, 2], 7],
      [[2, 6, 6, 1], 2],
      [[0, 4, 4, 3], 2],
    ];

    it.each(sizes)("move every value of %j to its place, patches of %i, and back", async (size, p) => {
      const images = draw(size, "images") as tf.Tensor4D;
      const places = patchPlaces(size, p);
      const values = await images.data();
      const [rows, columns] = [size[1] / p, size[2] / p];
      const patches = patchify(images, p);
      expect(patches.shape).toEqual([size[0], rows * columns, size[3] * p * p]);
      await expectClose(
        patches,
        places.map((place) => values[place] as number),
        0,
      );
      const back = unpatchify(patches, [rows, columns], p, size[3]);
      expect(back.shape).toEqual(size);
      await expectClose(back, values, 0);
    });

    it("are each other's gradient", async () => {
      const [images, patches] = [draw([2, 6, 9, 3], "images"), draw([2, 6, 27], "patches")];
      await expectSameComposed(
        () => [
          ...valueAndGradients((x) => patchify(x as tf.Tensor4D, 3), [images], patches),
          ...valueAndGradients((x) => unpatchify(x as tf.Tensor3D, [2, 3], 3, 3), [patches], images),
        ],
        0,
      );
    });

    it("take whole numbers the composed way", async () => {
      const images = tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1], "int32");
      expect(kernelsOf(() => patchify(images, 2))).toEqual([]);
      expect([...(await patchify(images, 2).data())]).toEqual([1, 2, 3, 4]);
    });
  });

  describe("masked error", () => {
    const sizes: Size[] = [
      [1, 1, 1, 1],
      [2, 3, 5, 3],
      [1, 7, 11, 1],
      [2, 5, 3, 4],
      [3, 64, 65, 3],
      [1, 70, 70, 2],
      [1, 1, 2, 1000],
    ];

    it.each(sizes)("is the float64 formula with its gradients: %i, %i, %i, %i", async (...size) => {
      const [x, clean] = [draw(size, "x"), draw(size, "clean")];
      const mask = tf.cast(tf.greater(draw([...size.slice(0, 3), 1], "mask"), 0), "float32");
      const [xs, cleans, masks] = await Promise.all([x, clean, mask].map((tensor) => tensor.data()));
      for (const squared of [false, true]) {
        for (const under of [mask, undefined]) {
          const made = valueAndGradients(
            (a, b) => maskedError(a as tf.Tensor, b as tf.Tensor, under, { squared }),
            [x, clean],
            tf.scalar(-3),
          );
          const { value, dx } = maskedErrorReference(
            xs as Float32Array,
            cleans as Float32Array,
            under && masks,
            size[3],
            squared,
          );
          await expectClose(made[0] as tf.Tensor, [value], 2e-7);
          await expectClose(
            made[1] as tf.Tensor,
            dx.map((d) => -3 * d),
            1e-6,
          );
          await expectClose(
            made[2] as tf.Tensor,
            dx.map((d) => 3 * d),
            1e-6,
          );
        }
      }
    });

    it.each([1e-18, 1e-6, 1e18, 1e36])("keeps magnitudes of %d", async (scale) => {
      const size = [2, 9, 7, 3];
      const [x, clean] = [draw(size, "x", scale), draw(size, "clean", scale)];
      for (const squared of scale > 1e18 ? [false] : [false, true]) {
        const { value, dx } = maskedErrorReference(await x.data(), await clean.data(), undefined, 3, squared);
        const f = (a: tf.Tensor): tf.Tensor => maskedError(a, clean, undefined, { squared });
        const [y, gradient] = valueAndGradients(f, [x], tf.scalar(1));
        await expectClose(y as tf.Tensor, [value], 2e-7);
        await expectClose(gradient as tf.Tensor, dx, 1e-6);
      }
    });

    it("is 0 where nothing counts or there is nothing, and lets NaN and infinity through", async () => {
      const [x, clean] = [draw([1, 2, 2, 3], "x"), draw([1, 2, 2, 3], "clean")];
      const none = tf.zeros([1, 2, 2, 1]);
      const empty = tf.zeros([0, 2, 2, 3]);
      for (const squared of [false, true]) {
        const error = async (a: tf.Tensor, b: tf.Tensor, mask?: tf.Tensor): Promise<number> =>
          (await maskedError(a, b, mask, { squared }).data())[0] as number;
        expect(await error(x, clean, none)).toBe(0);
        expect(await error(empty, empty)).toBe(0);
        for (const odd of [Number.NaN, Number.POSITIVE_INFINITY]) {
          const values = await x.data();
          values[4] = odd;
          expect(await error(tf.tensor(values, x.shape), clean)).toBe(odd);
          const gradient = tf.grad((a) => maskedError(a, clean, undefined, { squared }));
          const slopes = await gradient(tf.tensor(values, x.shape)).data();
          expect(slopes[4]).toBe(Number.isNaN(odd) || squared ? odd : Math.fround(1 / 12));
          expect([...slopes].filter(Number.isFinite).length).toBeGreaterThanOrEqual(11);
        }
      }
    });

    it("takes a mask of whole numbers or of truth values the composed way", async () => {
      const [x, clean] = [draw([1, 2, 2, 3], "x"), draw([1, 2, 2, 3], "clean")];
      const mask = tf.tensor([1, 0, 1, 1], [1, 2, 2, 1]);
      const wanted = await maskedError(x, clean, mask).data();
      for (const type of ["int32", "bool"] as const) {
        await expectClose(maskedError(x, clean, tf.cast(mask, type)), wanted, 1e-6);
      }
    });
  });

  it("run where their facade is called, and leave nothing behind", async () => {
    const images = draw([2, 4, 4, 3], "images") as tf.Tensor4D;
    const target = draw([2, 4, 4, 3], "target") as tf.Tensor4D;
    const loss = tf.grad((x) =>
      tf.tidy(() => {
        const back = unpatchify(patchify(x as tf.Tensor4D, 2), [2, 2], 2, 3);
        return maskedError(residual(back, target, 0.5, randomStream(0)), target);
      }),
    );
    expect(kernelsOf(() => loss(images).dispose())).toEqual([
      "SitPatchify",
      "SitUnpatchify",
      "SitResidual",
      "SitMaskedError",
      "SitMaskedErrorGrad",
      "SitScaleSamples",
      "SitPatchify",
      "SitUnpatchify",
    ]);
    expect(await leakedTensors(() => loss(images).dispose())).toBe(0);
  });

  const four = (...shape: Size): tf.Tensor => tf.ones(shape);
  const calls: Record<string, () => unknown> = {
    "residual: branch": () =>
      runKernel("SitResidual", { x: tf.ones([2, 3]), b: tf.ones([3, 2]), s: tf.ones([2]) }),
    "residual: scale": () =>
      runKernel("SitResidual", { x: tf.ones([2, 3]), b: tf.ones([2, 3]), s: tf.ones([3]) }),
    "residual: a scalar": () =>
      runKernel("SitResidual", { x: tf.scalar(1), b: tf.scalar(1), s: tf.ones([1]) }),
    "residual: whole numbers": () =>
      runKernel("SitResidual", { x: tf.ones([2], "int32"), b: tf.ones([2], "int32"), s: tf.ones([2]) }),
    "scale: sizes": () => runKernel("SitScaleSamples", { x: tf.ones([2, 3]), s: tf.ones([6]) }),
    "scale: one input": () => runKernel("SitScaleSamples", { x: tf.ones([2, 3]) }),
    "patchify: rank": () => runKernel("SitPatchify", { x: tf.ones([4, 4, 1]) }, { patch: 2 }),
    "patchify: sides": () => runKernel("SitPatchify", { x: four(1, 4, 5, 1) }, { patch: 2 }),
    "patchify: patch 0": () => runKernel("SitPatchify", { x: four(1, 4, 4, 1) }, { patch: 0 }),
    "patchify: no patch": () => runKernel("SitPatchify", { x: four(1, 4, 4, 1) }),
    "patchify: whole numbers": () =>
      runKernel("SitPatchify", { x: tf.ones([1, 4, 4, 1], "int32") }, { patch: 2 }),
    "unpatchify: count": () =>
      runKernel("SitUnpatchify", { x: tf.ones([1, 4, 4]) }, { rows: 2, columns: 3, patch: 2 }),
    "unpatchify: values": () =>
      runKernel("SitUnpatchify", { x: tf.ones([1, 4, 5]) }, { rows: 2, columns: 2, patch: 2 }),
    "unpatchify: negative": () =>
      runKernel("SitUnpatchify", { x: tf.ones([1, 4, 4]) }, { rows: -2, columns: -2, patch: 2 }),
    "unpatchify: huge": () =>
      runKernel("SitUnpatchify", { x: tf.ones([1, 4, 4]) }, { rows: 2, columns: 2, patch: 2 ** 31 - 1 }),
    "masked error: clean": () =>
      runKernel("SitMaskedError", { x: four(1, 2, 2, 3), c: four(1, 2, 3, 2) }, { squared: false }),
    "masked error: mask": () =>
      runKernel(
        "SitMaskedError",
        { x: four(1, 2, 2, 3), c: four(1, 2, 2, 3), m: four(1, 2, 3, 1) },
        { squared: false },
      ),
    "masked error: whole numbers": () =>
      runKernel(
        "SitMaskedError",
        { x: four(1, 2, 2, 1), c: four(1, 2, 2, 1), m: tf.ones([1, 2, 2, 1], "int32") },
        { squared: false },
      ),
    "masked error: one input": () => runKernel("SitMaskedError", { x: tf.ones([3]) }, { squared: true }),
    "masked error gradient: dy": () =>
      runKernel(
        "SitMaskedErrorGrad",
        { dy: tf.ones([2]), x: tf.ones([3]), c: tf.ones([3]), count: tf.scalar(3) },
        { squared: true },
      ),
    "masked error gradient: mask": () =>
      runKernel(
        "SitMaskedErrorGrad",
        { dy: tf.scalar(1), x: tf.ones([4, 2]), c: tf.ones([4, 2]), count: tf.scalar(3), m: tf.ones([2]) },
        { squared: true },
      ),
  };
  it.each(Object.entries(calls))("a wrong call is an error: %s", (_, call) => expectRefused(call));
});
