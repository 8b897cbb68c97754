import { closeness } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { loadFixture } from "../../../fixtures/load.js";
import { fromImages, toImages, toTensor } from "../../../fixtures/tensors.js";
import { valueAndGradients } from "../test/values.js";
import { crossViewNtXent, crossViewNtXentLoss, maskedL1, ntXent } from "./index.js";

for (const engine of await engines({ cpu: true, plain: true })) {
  describe(`golden values on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    test("masked L1: the loss within 1e-6, gradients exact, 0 where both images agree", () => {
      const fixture = loadFixture("loss_masked_l1");
      tf.tidy(() => {
        const mask = toImages(fixture.entry("in/mask")).slice([0, 0, 0, 0], [-1, -1, -1, 1]);
        const { value, gradients } = valueAndGradients(
          (a, b) => maskedL1().loss(a as tf.Tensor4D, b as tf.Tensor4D, mask),
          [toImages(fixture.entry("in/recon")), toImages(fixture.entry("in/clean"))],
        );
        expect(Math.abs(value / fixture.scalar("out/loss") - 1)).toBeLessThan(1e-6);
        for (const [i, name] of ["grad/in/recon", "grad/in/clean"].entries()) {
          const gradient = fromImages(gradients[i] as tf.Tensor).dataSync();
          const expected = fixture.entry(name).data as Float32Array;
          expect(closeness(gradient, expected).maxAbsolute).toBeLessThan(1e-9);
        }
      });
    });

    test("cross-view NT-Xent: the loss within 1e-6, the student's gradient within 1e-6", () => {
      const fixture = loadFixture("loss_simclr_cross");
      tf.tidy(() => {
        const teacher = toTensor(fixture.entry("in/teacher")) as tf.Tensor2D;
        const { value, gradients } = valueAndGradients(
          (student) => crossViewNtXent({ temperature: 0.2 }).loss(student as tf.Tensor2D, teacher),
          [toTensor(fixture.entry("in/student"))],
        );
        expect(Math.abs(value / fixture.scalar("out/T0.2/loss") - 1)).toBeLessThan(1e-6);
        const expected = fixture.entry("grad/T0.2/in/student").data as Float32Array;
        expect(closeness((gradients[0] as tf.Tensor).dataSync(), expected).maxAbsolute).toBeLessThan(1e-6);
      });
    });

    test("cross-view NT-Xent: each direction's own term within 1e-6", () => {
      // Both halves hold view 1 of the student and view 2 of the teacher: twice the one-sided loss.
      const fixture = loadFixture("loss_simclr_cross");
      tf.tidy(() => {
        const [s1, s2] = tf.split(toTensor(fixture.entry("in/student")) as tf.Tensor2D, 2);
        const [t1, t2] = tf.split(toTensor(fixture.entry("in/teacher")) as tf.Tensor2D, 2);
        const oneSided = (s: tf.Tensor2D, t: tf.Tensor2D) =>
          (crossViewNtXentLoss(tf.concat([s, s]), tf.concat([t, t]), 0.2).dataSync()[0] as number) / 2;
        const first = oneSided(s1 as tf.Tensor2D, t2 as tf.Tensor2D);
        const second = oneSided(s2 as tf.Tensor2D, t1 as tf.Tensor2D);
        expect(Math.abs(first / fixture.scalar("out/T0.2/loss_s1_t2") - 1)).toBeLessThan(1e-6);
        expect(Math.abs(second / fixture.scalar("out/T0.2/loss_s2_t1") - 1)).toBeLessThan(1e-6);
      });
    });

    test("SimCLR's NT-Xent: the loss within 1e-6, both gradients within 1e-6", () => {
      const fixture = loadFixture("loss_ntxent_2n");
      tf.tidy(() => {
        const { value, gradients } = valueAndGradients(
          (a, b) => {
            const both = tf.concat([a, b]) as tf.Tensor2D;
            return ntXent({ temperature: 0.2 }).loss(both, both);
          },
          [toTensor(fixture.entry("in/a")), toTensor(fixture.entry("in/b"))],
        );
        expect(Math.abs(value / fixture.scalar("out/T0.2/loss") - 1)).toBeLessThan(1e-6);
        for (const [i, name] of ["grad/T0.2/in/a", "grad/T0.2/in/b"].entries()) {
          const expected = fixture.entry(name).data as Float32Array;
          expect(closeness((gradients[i] as tf.Tensor).dataSync(), expected).maxAbsolute).toBeLessThan(1e-6);
        }
      });
    });
  });
}
