import { closeness, gradientError, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { SitError } from "../errors.js";
import { randomStream } from "../random.js";
import { l2Normalize, patchify, residual, unpatchify } from "./index.js";

const draw = (shape: number[], ...path: (string | number)[]): tf.Tensor =>
  tf.tensor(
    randomStream(0, "patches", ...path).fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1))),
    shape,
  );

for (const engine of await engines({ cpu: true })) {
  describe(`patchify and unpatchify on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it.each([
      { shape: [2, 4, 6, 3], p: 2 },
      { shape: [1, 1, 1, 1], p: 1 },
      { shape: [1, 5, 5, 2], p: 5 },
      { shape: [3, 2, 3, 4], p: 1 },
    ])("cuts $shape into patches of $p and puts them together again", async ({ shape, p }) => {
      const [batch, height, width, channels] = shape as [number, number, number, number];
      const images = draw(shape, "images") as tf.Tensor4D;
      const patches = patchify(images, p);
      const [rows, columns] = [height / p, width / p];
      expect(patches.shape).toEqual([batch, rows * columns, channels * p * p]);
      const pixels = (await images.array()) as number[][][][];
      const expected: number[] = [];
      for (const image of pixels) {
        for (let patch = 0; patch < rows * columns; patch++) {
          const [top, left] = [Math.floor(patch / columns) * p, (patch % columns) * p];
          for (let channel = 0; channel < channels; channel++) {
            for (let i = 0; i < p; i++) {
              for (let j = 0; j < p; j++) expected.push(Number(image[top + i]?.[left + j]?.[channel]));
            }
          }
        }
      }
      expect(closeness(await patches.data(), expected).maxAbsolute).toBe(0);
      const back = unpatchify(patches, [rows, columns], p, channels);
      expect(back.shape).toEqual(shape);
      expect(closeness(await back.data(), await images.data()).maxAbsolute).toBe(0);
    });

    it("carries gradients and NaN unchanged", async () => {
      const images = draw([1, 4, 4, 2], "images") as tf.Tensor4D;
      const cotangent = draw([1, 4, 8], "cotangent") as tf.Tensor3D;
      const gradient = tf.grad((at) => tf.sum(tf.mul(patchify(at as tf.Tensor4D, 2), cotangent)))(images);
      const expected = await unpatchify(cotangent, [2, 2], 2, 2).data();
      expect(closeness(await gradient.data(), expected).maxAbsolute).toBe(0);
      const nan = await patchify(tf.tensor4d([1, Number.NaN, 3, 4], [1, 2, 2, 1]), 2).data();
      expect([...nan]).toEqual([1, Number.NaN, 3, 4]);
    });

    it("throws SitError for sizes that do not fit", () => {
      expect(() => patchify(draw([1, 5, 4, 3], "x") as tf.Tensor4D, 2)).toThrow(/patch size 2 .* 5 x 4/);
      const patches = draw([1, 4, 12], "x") as tf.Tensor3D;
      expect(() => unpatchify(patches, [2, 3], 2, 3)).toThrow(SitError);
      expect(() => unpatchify(patches, [2, 2], 3, 3)).toThrow(SitError);
    });

    it("leaves nothing behind, forward and backward", async () => {
      const images = draw([1, 4, 4, 2], "images") as tf.Tensor4D;
      const round = (at: tf.Tensor): tf.Tensor4D =>
        tf.tidy(() => unpatchify(patchify(at as tf.Tensor4D, 2), [2, 2], 2, 2));
      expect(await leakedTensors(() => round(images).dispose())).toBe(0);
      expect(
        await leakedTensors(() =>
          tf
            .grad((at) => tf.sum(round(at)))(images)
            .dispose(),
        ),
      ).toBe(0);
    });
  });

  describe(`residual on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("adds the branch, or per sample nothing or the branch scaled up", async () => {
      const [x, branch] = [draw([400, 2, 3], "x"), draw([400, 2, 3], "branch")];
      const plain = await residual(x, branch).data();
      const [xs, branches] = [await x.data(), await branch.data()];
      expect(
        closeness(
          plain,
          Array.from(xs, (value, i) => value + Number(branches[i])),
        ).maxAbsolute,
      ).toBeLessThan(1e-6);
      const y = await residual(x, branch, 0.25, randomStream(0, "drop path")).data();
      let dropped = 0;
      for (let sample = 0; sample < 400; sample++) {
        const drops = y[sample * 6] === xs[sample * 6];
        dropped += drops ? 1 : 0;
        for (let i = sample * 6; i < sample * 6 + 6; i++) {
          const expected = Number(xs[i]) + (drops ? 0 : Number(branches[i]) / 0.75);
          expect(Math.abs(Number(y[i]) - expected)).toBeLessThan(1e-5);
        }
      }
      // Binomial(400, 0.25) has mean 100 and deviation 8.7.
      expect(Math.abs(dropped - 100)).toBeLessThan(5 * 8.7);
    });

    it("passes no gradient through a dropped branch, and the scaled one otherwise", async () => {
      const [x, branch] = [draw([6, 2], "x"), draw([6, 2], "branch")];
      const rng = () => randomStream(3, "drop path");
      const y = await residual(x, branch, 0.5, rng()).data();
      const xs = await x.data();
      const gradient = tf.grad((at) => tf.sum(residual(x, at, 0.5, rng())))(branch);
      const expected = Array.from(y, (value, i) => (value === xs[i] ? 0 : 2));
      expect([...(await gradient.data())]).toEqual(expected);
      expect(new Set(expected)).toEqual(new Set([0, 2]));
    });

    it("throws SitError without a stream, for rates out of range, and for other shapes", () => {
      const [x, branch] = [draw([2, 3], "x"), draw([2, 3], "branch")];
      expect(() => residual(x, branch, 0.1)).toThrow(SitError);
      for (const rate of [-0.1, 1, Number.NaN]) {
        expect(() => residual(x, branch, rate, randomStream(0))).toThrow(SitError);
      }
      expect(() => residual(x, draw([1, 3], "branch"))).toThrow(SitError);
    });

    it("leaves nothing behind", async () => {
      const [x, branch] = [draw([2, 3], "x"), draw([2, 3], "branch")];
      expect(await leakedTensors(() => residual(x, branch, 0.5, randomStream(0)).dispose())).toBe(0);
    });
  });

  describe(`l2Normalize on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("scales rows to length 1 and leaves a zero row zero", async () => {
      const y = await l2Normalize(tf.tensor2d([3, 4, 0, 0, -5, 12], [3, 2])).data();
      expect(closeness(y, [0.6, 0.8, 0, 0, -5 / 13, 12 / 13]).maxAbsolute).toBeLessThan(1e-6);
      const one = await l2Normalize(tf.tensor2d([-7], [1, 1])).data();
      expect(one[0]).toBeCloseTo(-1, 6);
    });

    it("has the gradient of finite differences, keeps NaN in its row, and leaves nothing behind", async () => {
      const x = draw([3, 4], "x") as tf.Tensor2D;
      const cotangent = draw([3, 4], "cotangent");
      const loss = (at: tf.Tensor): tf.Scalar =>
        tf.tidy(() => tf.sum(tf.mul(l2Normalize(at as tf.Tensor2D), cotangent)));
      expect((await gradientError(loss, x)).relativeToMax).toBeLessThan(5e-3);
      const y = [...(await l2Normalize(tf.tensor2d([Number.NaN, 1, 0, 2], [2, 2])).data())];
      expect(y).toEqual([Number.NaN, Number.NaN, 0, 1]);
      expect(await leakedTensors(() => l2Normalize(x).dispose())).toBe(0);
      expect(await leakedTensors(() => tf.grad(loss)(x).dispose())).toBe(0);
    });
  });
}
