// The losses of MAE, SimMIM, MoCo v3 and DINO against the reference implementations (fixtures/README.md).
import { patchify } from "@sitjs/core";
import { closeness } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { loadFixture } from "../../../fixtures/load.js";
import { toImages, toTensor } from "../../../fixtures/tensors.js";
import { valueAndGradients } from "../test/values.js";
import {
  crossViewNtXentLoss,
  dinoLoss,
  infoNce,
  maskedL1,
  normalizePatches,
  patchPixels,
  pixelPatches,
  teacherTemperatures,
} from "./index.js";

/** Of values: wasm adds up thousands of float32 numbers one after the other, and is off by 1.5e-6. */
const lossBound = 5e-6;

/** Largest difference of a tensor from an entry, over the largest of the entry. */
function relativeError(tensor: tf.Tensor, fixture: ReturnType<typeof loadFixture>, name: string): number {
  const entry = fixture.entry(name);
  expect(tensor.shape).toEqual(entry.shape);
  return closeness(tensor.dataSync(), entry.data as Float32Array).relativeToMax;
}

for (const engine of await engines({ cpu: true, plain: true })) {
  describe(`golden values of other methods on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    test("MAE: the patches that are predicted, as they are and normalised", () => {
      const fixture = loadFixture("mae");
      tf.tidy(() => {
        const patches = pixelPatches(toImages(fixture.entry("in/x")), 8);
        expect(relativeError(patches, fixture, "out/target")).toBe(0);
        expect(relativeError(normalizePatches(patches), fixture, "out/target_normpix")).toBeLessThan(1e-6);
      });
    });

    test.each([
      { normalize: false, name: "pix" },
      { normalize: true, name: "normpix" },
    ])("MAE, $name: the loss within 5e-6, its gradient within 1e-5", ({ normalize, name }) => {
      const fixture = loadFixture("mae");
      tf.tidy(() => {
        const images = toImages(fixture.entry("in/x"));
        const mask = toTensor(fixture.entry("out/mask")) as tf.Tensor2D;
        const { value, gradients } = valueAndGradients(
          (prediction) =>
            patchPixels({ patchSize: 8, normalize }).loss(prediction as tf.Tensor3D, images, mask),
          [toTensor(fixture.entry("out/pred"))],
        );
        expect(Math.abs(value / fixture.scalar(`out/${name}/loss`) - 1)).toBeLessThan(lossBound);
        // The prediction is the last layer's output, so that layer's bias has the sum of its gradients.
        const sum = tf.sum(gradients[0] as tf.Tensor, [0, 1]);
        expect(relativeError(sum, fixture, `grad_${name}/decoder_pred.bias`)).toBeLessThan(1e-5);
      });
    });

    test("SimMIM: its masked L1 is maskedL1, loss within 5e-6, gradient within 1e-5", () => {
      // The reference adds 1e-5 to the count of masked pixels, 1,920 here: 5e-9 of the loss.
      const fixture = loadFixture("simmim");
      tf.tidy(() => {
        const grid = tf.cast(toTensor(fixture.entry("in/mask")), "float32"); // [3, 4, 4], patches of 8
        const perRow = tf.tile(tf.reshape(grid, [3, 4, 1, 4, 1]), [1, 1, 8, 1, 8]);
        const mask = tf.reshape(perRow, [3, 32, 32, 1]) as tf.Tensor4D;
        const clean = toImages(fixture.entry("in/x"));
        const { value, gradients } = valueAndGradients(
          (reconstruction) => maskedL1().loss(reconstruction as tf.Tensor4D, clean, mask),
          [toImages(fixture.entry("out/x_rec"))],
        );
        expect(Math.abs(value / fixture.scalar("out/loss") - 1)).toBeLessThan(lossBound);
        // The decoder's channels are a patch's values by channel, row, column.
        const sum = tf.sum(patchify(gradients[0] as tf.Tensor4D, 8), [0, 1]);
        expect(relativeError(sum, fixture, "grad/decoder.0.bias")).toBeLessThan(1e-5);
      });
    });

    test.each([0.2, 1])("MoCo v3 at temperature %s: the loss and the queries' gradient", (temperature) => {
      const fixture = loadFixture("mocov3");
      const name = `T${temperature.toFixed(1)}`;
      tf.tidy(() => {
        const keys = toTensor(fixture.entry("in/k")) as tf.Tensor2D;
        const queries = toTensor(fixture.entry("in/q")) as tf.Tensor2D;
        const { value, gradients } = valueAndGradients(
          (q) => infoNce({ temperature }).loss(q as tf.Tensor2D, keys),
          [queries],
        );
        expect(Math.abs(value / fixture.scalar(`out/${name}/loss`) - 1)).toBeLessThan(lossBound);
        const gradient = gradients[0] as tf.Tensor;
        expect(relativeError(gradient, fixture, `grad_loss/${name}/in/q`)).toBeLessThan(1e-5);
        // Both directions of one pair of views, as crossViewNtXent has them in one tensor.
        const twice = crossViewNtXentLoss(
          tf.concat([queries, queries]),
          tf.concat([keys, keys]),
          temperature,
        );
        expect(twice.dataSync()[0]).toBeCloseTo(2 * value, 5);
      });
    });

    test("DINO over two steps: losses, gradients, the centre; its temperatures", () => {
      const fixture = loadFixture("dino");
      const config = fixture.json.config as Record<string, number>;
      const schedule = teacherTemperatures({
        start: config.warmup_teacher_temp as number,
        final: config.teacher_temp as number,
        warmupEpochs: config.warmup_teacher_temp_epochs as number,
      });
      for (const [epoch, temperature] of (fixture.json.teacher_temp_schedule as number[]).entries()) {
        expect(schedule(epoch)).toBeCloseTo(temperature, 12);
      }
      tf.tidy(() => {
        const loss = dinoLoss({ centerMomentum: config.center_momentum as number });
        let center = tf.zeros([1, 24]) as tf.Tensor2D;
        for (const step of [0, 1]) {
          const teacher = toTensor(fixture.entry(`in/step${step}/teacher`)) as tf.Tensor2D;
          const temperatures = { teacher: schedule(step), student: config.student_temp as number };
          const at = (student: tf.Tensor) => loss.loss(student as tf.Tensor2D, teacher, center, temperatures);
          const student = toTensor(fixture.entry(`in/step${step}/student`));
          const { value, gradients } = valueAndGradients((x) => at(x), [student]);
          expect(Math.abs(value / fixture.scalar(`out/step${step}/loss`) - 1)).toBeLessThan(lossBound);
          const gradient = gradients[0] as tf.Tensor;
          expect(relativeError(gradient, fixture, `grad/step${step}/in/student`)).toBeLessThan(1e-5);
          center = loss.nextCenter(teacher, center);
          expect(relativeError(center, fixture, `out/step${step}/center_after`)).toBeLessThan(1e-6);
        }
      });
    });
  });
}
