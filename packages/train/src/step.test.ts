import { disposeParams, SitError } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { durationInSteps } from "./loader.js";
import { lossAndGradients } from "./step.js";

for (const engine of await engines({ cpu: true })) {
  describe(`lossAndGradients on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("gives parameters that the loss does not see the gradient 0, in their shape", () => {
      const params = { seen: tf.tensor1d([1, -2, 3]), unseen: tf.ones([2, 3]) };
      const { gradients, output } = lossAndGradients(params, params, ({ seen }) => ({
        loss: tf.sum(tf.square(seen as tf.Tensor)) as tf.Scalar,
        parts: {},
        buffers: {},
      }));
      expect(output.loss.dataSync()[0]).toBe(14);
      expect(Array.from(gradients.seen?.dataSync() ?? [])).toEqual([2, -4, 6]);
      expect(gradients.unseen?.shape).toEqual([2, 3]);
      expect(Array.from(gradients.unseen?.dataSync() ?? [])).toEqual([0, 0, 0, 0, 0, 0]);
      disposeParams(params);
      disposeParams(gradients);
      output.loss.dispose();
    });

    it("keeps parts and buffers that the tape would throw away", () => {
      const params = { p: tf.scalar(3) };
      const before = tf.memory().numTensors;
      const { gradients, output } = lossAndGradients(params, params, ({ p }) => {
        const part = tf.square(p as tf.Tensor) as tf.Scalar;
        return { loss: tf.mul(part, 2), parts: { part }, buffers: { running_mean: tf.add(part, 1) } };
      });
      expect(output.parts.part?.dataSync()[0]).toBe(9);
      expect(output.buffers.running_mean?.dataSync()[0]).toBe(10);
      expect(gradients.p?.dataSync()[0]).toBe(12);
      tf.dispose([output.loss, { ...output.parts }, { ...output.buffers }, { ...gradients }]);
      expect(tf.memory().numTensors).toBe(before);
      disposeParams(params);
    });
  });
}

describe("durationInSteps", () => {
  const loader = { batchSize: 8, stepsPerEpoch: 5, range: async function* () {} };

  it("counts in each unit", () => {
    expect(durationInSteps({ steps: 7 }, loader)).toBe(7);
    expect(durationInSteps({ epochs: 3 }, loader)).toBe(15);
    expect(durationInSteps({ epochs: 0.5 }, loader)).toBe(3);
    expect(durationInSteps({ images: 80 }, loader)).toBe(10);
    expect(durationInSteps({ images: 1 }, loader), "never less than one step").toBe(1);
  });

  it.each([
    [{ epochs: Number.NaN }],
    [{ steps: 0 }],
    [{ steps: -3 }],
    [{ epochs: 1, steps: 5 }],
    [{ images: Number.POSITIVE_INFINITY }],
  ])("refuses %o", (duration) => {
    expect(() => durationInSteps(duration, loader)).toThrow(SitError);
    expect(() => durationInSteps(duration, loader)).toThrow(
      /duration: expected one of epochs, steps and images/,
    );
  });
});
