import { type PatchLoss, SitError } from "@sitjs/core";
import { gradientError, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { normal, numberOf } from "../test/values.js";
import { normalizePatches, patchPixels, pixelPatches } from "./index.js";

const both = [patchPixels({ patchSize: 2 }), patchPixels({ patchSize: 2, normalize: true })];

function inputs() {
  const images = normal<tf.Tensor4D>("images", [2, 4, 6, 3]);
  const prediction = normal<tf.Tensor3D>("prediction", [2, 6, 12]);
  const mask = tf.tensor2d([1, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0], [2, 6]);
  return { images, prediction, mask };
}

for (const engine of await engines({ cpu: true })) {
  describe(`patchPixels on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    test("patches go row by row, their values by row, column, channel", () => {
      tf.tidy(() => {
        const image = tf.reshape(tf.range(0, 4 * 6 * 2), [1, 4, 6, 2]) as tf.Tensor4D; // (row x 6 + column) x 2 + channel
        const patches = pixelPatches(image, 2);
        expect(patches.shape).toEqual([1, 6, 8]);
        const values = patches.dataSync();
        expect(Array.from(values.slice(0, 8))).toEqual([0, 1, 2, 3, 12, 13, 14, 15]);
        expect(Array.from(values.slice(8, 12))).toEqual([4, 5, 6, 7]);
        expect(Array.from(values.slice(24, 28))).toEqual([24, 25, 26, 27]);
      });
    });

    test("the mean over masked patches, by the definition", () => {
      const { images, prediction, mask } = inputs();
      const target = pixelPatches(images, 2).dataSync();
      const predicted = prediction.dataSync();
      const chosen = Array.from(mask.dataSync());
      for (const [loss, normalized] of [
        [both[0], false],
        [both[1], true],
      ] as const) {
        const perPatch = chosen.map((_, patch) => {
          const x = Array.from(target.slice(12 * patch, 12 * patch + 12));
          const mean = x.reduce((a, b) => a + b) / 12;
          const variance = x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 11;
          const wanted = normalized ? x.map((v) => (v - mean) / Math.sqrt(variance + 1e-6)) : x;
          return wanted.reduce((sum, v, i) => sum + (v - (predicted[12 * patch + i] as number)) ** 2, 0) / 12;
        });
        const expected = perPatch.reduce((sum, v, i) => sum + v * (chosen[i] as number), 0) / 4;
        expect(numberOf(loss?.loss(prediction, images, mask) as tf.Scalar)).toBeCloseTo(expected, 5);
      }
      tf.dispose([images, prediction, mask]);
    });

    test("images: a perfect prediction is the image, also where it was normalised", () => {
      tf.tidy(() => {
        const { images, prediction } = inputs();
        const pixels = pixelPatches(images, 2);
        for (const [loss, perfect] of [
          [both[0], pixels],
          [both[1], normalizePatches(pixels)],
        ] as const) {
          const shown = (loss as PatchLoss).images(perfect, images);
          expect(shown.shape).toEqual(images.shape);
          expect(numberOf(tf.max(tf.abs(tf.sub(shown, images))) as tf.Scalar)).toBeLessThan(1e-5);
          const wrong = tf.slice(prediction, [0, 0, 0], [2, 5, 12]) as tf.Tensor3D;
          expect(() => loss?.images(wrong, images)).toThrow(/prediction: expected \[2, 6, 12\]/);
        }
      });
    });

    test("limit cases: a perfect prediction, flat patches, nothing masked", () => {
      tf.tidy(() => {
        const { images, prediction, mask } = inputs();
        const perfect = pixelPatches(images, 2);
        expect(patchPixels({ patchSize: 2 }).loss(perfect, images, mask).dataSync()[0]).toBe(0);
        const normalized = normalizePatches(perfect);
        expect(both[1]?.loss(normalized, images, mask).dataSync()[0]).toBe(0);
        // A prediction of 0 misses normalised patches by their variance: 11/12, since it is the unbiased one that is 1.
        const nothing = both[1]?.loss(tf.zerosLike(prediction), images, mask);
        expect(nothing?.dataSync()[0]).toBeCloseTo(11 / 12, 4);
        const flat = tf.fill([2, 4, 6, 3], 3.25) as tf.Tensor4D;
        expect(both[1]?.loss(tf.zerosLike(prediction), flat, mask).dataSync()[0]).toBe(0);
        for (const loss of both) {
          const { value, grad } = tf.valueAndGrad((x) =>
            loss.loss(x as tf.Tensor3D, images, tf.zerosLike(mask)),
          )(prediction);
          expect(value.dataSync()[0]).toBe(0);
          expect(grad.dataSync().every((g) => g === 0)).toBe(true);
        }
      });
    });

    test("brightness and contrast of a patch have no say where patches are normalised", () => {
      tf.tidy(() => {
        const { images, prediction, mask } = inputs();
        const other = tf.add(tf.mul(images, 5), 2) as tf.Tensor4D;
        const [value, same] = [images, other].map((x) => both[1]?.loss(prediction, x, mask).dataSync()[0]);
        expect(same).toBeCloseTo(value as number, 4);
      });
    });

    test("gradients agree with central differences; what is not masked has none", async () => {
      const { images, prediction, mask } = inputs();
      for (const loss of both) {
        const check = await gradientError((x) => loss.loss(x as tf.Tensor3D, images, mask), prediction);
        expect(check.relativeToMax).toBeLessThan(1e-2);
        expect(check.gradient.slice(12, 36).every((g) => g === 0)).toBe(true);
        expect(check.gradient.slice(0, 12).some((g) => g !== 0)).toBe(true);
      }
      tf.dispose([images, prediction, mask]);
    });

    test("nothing is left behind", async () => {
      const { images, prediction, mask } = inputs();
      for (const loss of both) {
        const leaked = await leakedTensors(() => {
          const { value, grad } = tf.valueAndGrad((x) => loss.loss(x as tf.Tensor3D, images, mask))(
            prediction,
          );
          tf.dispose([value, grad]);
          loss.loss(prediction, images, mask).dispose();
        });
        expect(leaked).toBe(0);
      }
      tf.dispose([images, prediction, mask]);
    });

    test("bad input names the argument", () => {
      tf.tidy(() => {
        const { images, prediction, mask } = inputs();
        expect(() => patchPixels({ patchSize: 0 })).toThrow(/^patchSize: expected a whole number of pixels/);
        const loss = patchPixels({ patchSize: 2 });
        const wide = tf.zeros([2, 6, 13]) as tf.Tensor3D;
        expect(() => loss.loss(wide, images, mask)).toThrow(/^prediction: expected \[2, 6, 12\]/);
        expect(() => loss.loss(prediction, images, tf.ones([6, 2]))).toThrow(/^mask: expected \[2, 6\]/);
        expect(() => patchPixels({ patchSize: 4 }).loss(prediction, images, mask)).toThrow(
          /^images: expected sides that the patch size 4 divides, got \[2, 4, 6, 3\]/,
        );
        const single = tf.ones([1, 2, 2, 1]) as tf.Tensor4D;
        const one = patchPixels({ patchSize: 1, normalize: true });
        expect(() => one.loss(tf.ones([1, 4, 1]), single, tf.ones([1, 4]))).toThrow(SitError);
      });
    });
  });
}
