import { disposeParams, type Params, SitError } from "@sitjs/core";
import { closeness, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { momentumUpdate } from "./teacher.js";

for (const engine of await engines({ cpu: true })) {
  describe(`momentum teacher on ${engine.name}`, () => {
    let teacher: Params;
    let student: Params;
    beforeAll(async () => {
      await engine.use();
      teacher = {
        a: tf.tensor2d([1, -2, 3, 4.5], [2, 2]),
        "bn.running_mean": tf.tensor1d([9]),
        b: tf.scalar(0.1),
        "bn.num_batches_tracked": tf.scalar(3, "int32"),
      };
      student = { b: tf.scalar(-1), a: tf.tensor2d([0, 8, -3, 1], [2, 2]), unrelated: tf.scalar(5) };
    });

    it("moves trained parameters by 1 - momentum and leaves buffers to the teacher", () => {
      const next = momentumUpdate(teacher, student, 0.75);
      expect(Object.keys(next)).toEqual(["a", "b"]);
      expect(next.a?.shape).toEqual([2, 2]);
      const close = (tensor: tf.Tensor | undefined, expected: number[]) =>
        closeness(tensor?.dataSync() ?? [], expected, { absolute: 1e-7, relative: 1e-6 }).excess;
      expect(close(next.a, [0.75, 0.5, 1.5, 3.625])).toBeLessThanOrEqual(0);
      expect(close(next.b, [-0.175])).toBeLessThanOrEqual(0);
      disposeParams(next);
    });

    it("stays at momentum 1 and is the student at 0, to the bit", () => {
      const [stays, follows] = [momentumUpdate(teacher, student, 1), momentumUpdate(teacher, student, 0)];
      expect(stays.a?.dataSync()).toEqual(teacher.a?.dataSync());
      expect(follows.a?.dataSync()).toEqual(student.a?.dataSync());
      disposeParams(stays);
      disposeParams(follows);
      // New tensors: the given ones are still there.
      expect(teacher.b?.isDisposed).toBe(false);
      expect(student.b?.isDisposed).toBe(false);
    });

    it("leaves nothing behind, and names what the student lacks", async () => {
      expect(await leakedTensors(() => disposeParams(momentumUpdate(teacher, student, 0.9)))).toBe(0);
      const { a: _, ...without } = student;
      const update = () => momentumUpdate(teacher, without, 0.9);
      expect(update).toThrow(SitError);
      expect(update).toThrow(/parameter a: expected it, got only b, unrelated/);
    });
  });
}
