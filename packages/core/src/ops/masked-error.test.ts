import { gradientError, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { SitError } from "../errors.js";
import { randomStream } from "../random.js";
import { maskedError } from "./index.js";

const draw = (shape: number[], name: string): tf.Tensor =>
  tf.tensor(
    randomStream(0, "masked error", name).fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1))),
    shape,
  );

for (const engine of await engines({ cpu: true })) {
  describe(`maskedError on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("is the mean over what the mask counts, or over all", async () => {
      const x = tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]);
      const target = tf.tensor2d([0, 0, 0, 0, 8, 2], [3, 2]);
      const mask = tf.tensor2d([1, 0, 1], [3, 1]);
      const error = async (under?: tf.Tensor, squared?: boolean): Promise<number> =>
        (await maskedError(x, target, under, { squared }).data())[0] as number;
      expect(await error(mask)).toBeCloseTo((1 + 2 + 3 + 4) / 4, 6);
      expect(await error(mask, true)).toBeCloseTo((1 + 4 + 9 + 16) / 4, 6);
      expect(await error()).toBeCloseTo(17 / 6, 6);
      expect(await error(undefined, true)).toBeCloseTo(55 / 6, 5);
      expect(await error(tf.zeros([3, 1]))).toBe(0);
    });

    it("has the gradients of finite differences, for both", async () => {
      const [x, target] = [draw([2, 3, 2], "x"), draw([2, 3, 2], "target")];
      const mask = tf.tensor3d([1, 0, 1, 1, 0, 0], [2, 3, 1]);
      for (const squared of [false, true]) {
        const options = { squared };
        // A step that crosses no difference of these numbers, where the absolute value has its corner.
        const ofX = await gradientError((at) => maskedError(at, target, mask, options), x, 5e-3);
        const ofTarget = await gradientError((at) => maskedError(x, at, mask, options), target, 5e-3);
        expect(ofX.relativeToMax).toBeLessThan(1e-2);
        expect(ofTarget.relativeToMax).toBeLessThan(1e-2);
      }
    });

    it("has no slope where both agree, and does not hide a NaN", async () => {
      const x = tf.tensor1d([1, Number.NaN, 3]);
      const target = tf.tensor1d([1, 2, 0]);
      const slope = await tf
        .grad((at) => maskedError(at, target))(x)
        .data();
      expect([slope[0], slope[2]]).toEqual([0, Math.fround(1 / 3)]);
      expect((await maskedError(x, target).data())[0]).toBeNaN();
    });

    it("throws SitError for shapes that do not fit", () => {
      const x = draw([2, 3], "x");
      expect(() => maskedError(x, draw([3, 2], "x"))).toThrow(SitError);
      expect(() => maskedError(x, x, tf.ones([2, 3]))).toThrow(
        /maskedError: expected mask to be \[2, 1\], got \[2, 3\]/,
      );
    });

    it("leaves nothing behind", async () => {
      const [x, target, mask] = [draw([2, 3], "x"), draw([2, 3], "target"), tf.ones([2, 1])];
      expect(await leakedTensors(() => maskedError(x, target, mask).dispose())).toBe(0);
      const gradient = tf.grad((at) => maskedError(at, target, mask));
      expect(await leakedTensors(() => gradient(x).dispose())).toBe(0);
    });
  });
}
