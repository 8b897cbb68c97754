import { gradientError, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { SitError } from "../errors.js";
import { randomStream } from "../random.js";
import { addToEach } from "./index.js";

const draw = (shape: number[], name: string): tf.Tensor =>
  tf.tensor(
    randomStream(0, "add to each", name).fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1))),
    shape,
  );

for (const engine of await engines({ cpu: true })) {
  describe(`addToEach on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("adds the offset to every sample", async () => {
      const offset = tf.tensor2d([[10, 20]]);
      const x = tf.tensor3d([[[1, 2]], [[3, 4]]]);
      expect(await addToEach(x, offset).array()).toEqual([[[11, 22]], [[13, 24]]]);
    });

    it.each([[[3, 2, 4]], [[2, 3, 2, 2]]])("has the gradients of finite differences: %j", async (shape) => {
      const [x, offset] = [draw(shape, "x"), draw(shape.slice(1), "offset")];
      const cotangent = draw(shape, "cotangent");
      const run = (at: tf.Tensor, by: tf.Tensor): tf.Scalar => tf.sum(tf.mul(addToEach(at, by), cotangent));
      for (const { relativeToMax } of [
        await gradientError((at) => run(at, offset), x),
        await gradientError((at) => run(x, at), offset),
      ]) {
        expect(relativeToMax).toBeLessThan(2e-3);
      }
      const backward = () => tf.dispose(tf.grads(run)([x, offset]));
      expect(await leakedTensors(backward)).toBe(0);
    });

    it("refuses an offset of another shape", () => {
      const add = () => addToEach(draw([2, 3, 4], "x"), draw([1, 4], "offset"));
      expect(add).toThrow(SitError);
      expect(add).toThrow(/addToEach: expected an offset of \[3, 4\], got \[1, 4\]/);
    });
  });
}
