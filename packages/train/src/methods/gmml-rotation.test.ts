import type { Corruption, RandomStream, RotatedImages } from "@sitjs/core";
import { randomStream, SitError } from "@sitjs/core";
import { crossEntropy, maskedL1, maskedL2 } from "@sitjs/losses";
import { gmml, randomRotations, rotateQuarterTurns } from "@sitjs/masking";
import { perceptronHead, reconstructionHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { firstPosition } from "../../test/first-position.js";
import { randomViews, resultOfSteps, tensorsOfAStep } from "../../test/method-checks.js";
import { expectGradients } from "../../test/method-values.js";
import { type GmmlRotationOptions, gmmlRotation } from "./gmml-rotation.js";

const [size, patchSize, width] = [16, 4, 16];

function tiny(changes: Partial<GmmlRotationOptions> = {}) {
  return gmmlRotation({
    backbone: visionTransformer({ imageSize: size, patchSize, width, depth: 1, heads: 2 }),
    corruption: gmml(),
    reconstruction: { head: reconstructionHead({ width, patchSize, hidden: 24 }), loss: maskedL1() },
    rotation: {
      head: perceptronHead({ width, output: 4 }),
      loss: crossEntropy(),
      rotate: randomRotations,
    },
    ...changes,
  });
}

const number = (tensor: tf.Tensor | undefined): number => tensor?.dataSync()[0] as number;

for (const engine of await engines({ plain: true })) {
  describe(`gmmlRotation on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    /** Parts and loss at the first parameters, changed a little; always with the same draws. */
    function lossOf(options: Partial<GmmlRotationOptions>, change: Record<string, tf.Tensor> = {}) {
      const method = tiny(options);
      const student = { ...method.init(randomStream(0, "init")), ...change };
      const views = randomViews({ views: 1, batch: 8, size });
      const rng = randomStream(0, "step");
      const prepared = method.prepare({ views, student, teacher: undefined, rng, position: firstPosition });
      const { loss, parts } = prepared.loss(student);
      return {
        loss: number(loss),
        reconstruction: number(parts.reconstruction),
        rotation: number(parts.rotation),
      };
    }

    it("adds alpha times the reconstruction to the rotation's loss, alpha 5 unless given", () => {
      for (const alpha of [0, 1, 5]) {
        const { loss, reconstruction, rotation } = lossOf({ alpha });
        expect(loss / (alpha * reconstruction + rotation)).toBeCloseTo(1, 5);
        if (alpha === 5) expect(lossOf({}).loss).toBe(loss);
      }
    });

    it("loses log 4 by a head that tells nothing apart, and nothing by one that knows", () => {
      const even = { "head_rotation.0.weight": tf.zeros([4, width]) };
      expect(lossOf({}, even).rotation).toBeCloseTo(Math.log(4), 5);
      // Where all images are turned by three quarters, a bias is enough to know.
      const rotate = (images: tf.Tensor4D): RotatedImages => ({
        images: rotateQuarterTurns(images, [3, 3, 3, 3, 3, 3, 3, 3]),
        labels: tf.fill([8], 3, "int32") as tf.Tensor1D,
      });
      const rotation = {
        rotate,
        head: perceptronHead({ width, output: 4 }),
        loss: crossEntropy(),
      };
      const sure = { ...even, "head_rotation.0.bias": tf.tensor1d([0, 0, 0, 40]) };
      expect(lossOf({ rotation }, sure).rotation).toBeCloseTo(0, 6);
    });

    it("corrupts the turned image, and wants the turned clean one back", () => {
      const seen: { corrupted?: tf.Tensor4D; target?: tf.Tensor4D; turned?: tf.Tensor4D } = {};
      const corruption: Corruption = {
        name: "watched",
        corrupt(images: tf.Tensor4D, rng: RandomStream) {
          seen.corrupted = tf.clone(images);
          return gmml().corrupt(images, rng);
        },
      };
      const rotate = (images: tf.Tensor4D, rng: RandomStream): RotatedImages => {
        const made = randomRotations(images, rng);
        seen.turned = rotateQuarterTurns(images, made.labels.dataSync());
        expect(new Set(made.labels.dataSync()).size, "different angles").toBeGreaterThan(1);
        return made;
      };
      const plain = maskedL1();
      const loss: typeof plain = {
        ...plain,
        loss(reconstruction, clean, mask) {
          seen.target = tf.clone(clean);
          return plain.loss(reconstruction, clean, mask);
        },
      };
      lossOf({
        corruption,
        reconstruction: { head: reconstructionHead({ width, patchSize, hidden: 24 }), loss },
        rotation: { head: perceptronHead({ width, output: 4 }), loss: crossEntropy(), rotate },
      });
      expect(seen.corrupted?.dataSync()).toEqual(seen.turned?.dataSync());
      expect(seen.target?.dataSync()).toEqual(seen.turned?.dataSync());
    });

    it("has the gradient of central differences, for every parameter", async () => {
      const backbone = visionTransformer({
        imageSize: size,
        patchSize,
        width,
        depth: 1,
        heads: 2,
        dropPath: 0,
        initialization: "xavier",
      });
      const views = randomViews({ views: 1, batch: 4, size });
      // The squared error is smooth: the absolute one has corners that differences step over.
      const reconstruction = {
        head: reconstructionHead({ width, patchSize, hidden: 24, initialization: "xavier" }),
        loss: maskedL2(),
      };
      const method = tiny({ backbone, reconstruction });
      const names = Object.keys(method.init(randomStream(0)));
      await expectGradients(method, { views }, names);
    });

    it("gives the same for the same seed, something else for another, and leaves no tensor behind", () => {
      const views = randomViews({ views: 1, batch: 4, size });
      const once = resultOfSteps(tiny(), views);
      expect(resultOfSteps(tiny(), views)).toEqual(once);
      expect(resultOfSteps(tiny(), views, 1).losses[0]).not.toBe(once.losses[0]);
      expect(tensorsOfAStep(tiny(), views)).toBe(0);
    });

    it("reconstructs images as they are given", () => {
      const method = tiny();
      const [images] = randomViews({ views: 1, batch: 2, size }) as [tf.Tensor4D];
      const shown = method.reconstruct?.(method.init(randomStream(0)), images, randomStream(1));
      if (!shown) throw new Error("expected a reconstruction");
      const visible = tf.sub(1, shown.mask);
      const apart = tf.max(tf.abs(tf.mul(tf.sub(shown.corrupted, images), visible)));
      expect(number(apart)).toBe(0);
      expect(shown.reconstruction.shape).toEqual(images.shape);
    });
  });
}

describe("gmmlRotation", () => {
  it("refuses a negative alpha", () => {
    expect(() => tiny({ alpha: -1 })).toThrow(SitError);
    expect(() => tiny({ alpha: -1 })).toThrow(/alpha: expected/);
  });
});
