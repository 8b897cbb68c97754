import { type PatchSampler, type RandomStream, randomStream } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import { patchPixels } from "@sitjs/losses";
import { visiblePatches, visiblePatchesFromNoise } from "@sitjs/masking";
import { maskedDecoder, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { loadFixture } from "../../../../fixtures/load.js";
import { toImages } from "../../../../fixtures/tensors.js";
import { firstPosition } from "../../test/first-position.js";
import { expectFixtureStep } from "../../test/fixture-step.js";
import { randomViews, resultOfSteps, tensorsOfAStep } from "../../test/method-checks.js";
import { mae, maeRecipe } from "./mae.js";

const fixture = loadFixture("mae");

/** Of the fixture's sizes. */
function fixtureMae(sampler: PatchSampler, normalize: boolean) {
  return mae({
    backbone: visionTransformer({
      imageSize: 32,
      patchSize: 8,
      width: 32,
      depth: 2,
      heads: 4,
      dropPath: 0,
      positions: "sincos",
    }),
    sampler,
    decoder: maskedDecoder({ width: 32, decoderWidth: 24, depth: 1, heads: 2, patchSize: 8 }),
    loss: patchPixels({ patchSize: 8, normalize }),
  });
}

/** What the fixture draws. */
const recorded: PatchSampler = {
  name: "recorded",
  sample: (images) => visiblePatchesFromNoise(fixture.entry("in/noise").data as Float32Array, images),
};

/** Ours of the reference's names; its position tables are no parameters here. */
function nameOf(theirs: string): string | undefined {
  if (theirs.endsWith("pos_embed")) return undefined;
  return theirs.startsWith("decoder_") || theirs === "mask_token"
    ? `decoder.${theirs}`
    : `backbone.${theirs}`;
}

for (const engine of await engines({ cpu: true, plain: true })) {
  describe(`MAE on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it.each([
      { normalize: false, name: "pix" },
      { normalize: true, name: "normpix" },
    ])("has the reference's parameters, loss and every gradient: $name", async ({ normalize, name }) => {
      await expectFixtureStep({
        method: fixtureMae(recorded, normalize),
        views: [toImages(fixture.entry("in/x"))],
        fixture,
        nameOf,
        loss: `out/${name}/loss`,
        gradients: `grad_${name}/`,
      });
    });
  });
}

for (const engine of await engines()) {
  describe(`mae() on ${engine.name}`, () => {
    beforeAll(() => engine.use());
    const method = fixtureMae(visiblePatches(), true);

    it("leaves no tensor behind in a step", () => {
      const views = randomViews({ views: 1, batch: 3, size: 32 });
      expect(tensorsOfAStep(method, views)).toBe(0);
    });

    it("gives the same for the same seed, and hides other patches for another", () => {
      const views = randomViews({ views: 1, batch: 3, size: 32 });
      const once = resultOfSteps(method, views);
      expect(resultOfSteps(method, views)).toEqual(once);
      expect(resultOfSteps(method, views, 1).losses[0]).not.toBe(once.losses[0]);
    });

    it.each([{ normalize: false }, { normalize: true }])(
      "shows visible patches as they are and hidden ones as predicted, normalize $normalize",
      async ({ normalize }) => {
        const method = fixtureMae(visiblePatches(), normalize);
        const student = method.init(randomStream(0));
        const [images] = randomViews({ views: 1, batch: 3, size: 32 }) as [tf.Tensor4D];
        const shown = method.reconstruct?.(student, images, randomStream(1));
        if (!shown) throw new Error("expected a reconstruction");
        const { corrupted, mask, reconstruction } = shown;
        expect(mask.shape).toEqual([3, 32, 32, 1]);
        expect(tf.mean(mask).dataSync()[0], "three quarters are hidden").toBe(0.75);
        const visible = tf.sub(1, mask);
        const apart = (a: tf.Tensor, b: tf.Tensor, chosen: tf.Tensor) =>
          tf.max(tf.mul(tf.abs(tf.sub(a, b)), chosen)).dataSync()[0] as number;
        expect(apart(corrupted, tf.scalar(0), mask)).toBe(0);
        expect(apart(corrupted, images, visible)).toBe(0);
        expect(apart(reconstruction, images, visible)).toBe(0);
        expect(apart(reconstruction, tf.scalar(0), mask)).toBeGreaterThan(0.01);
        if (normalize) return;
        // What is shown is what the loss sees: the same draw hides the same patches.
        const error = tf.sum(tf.mul(tf.squaredDifference(reconstruction, images), mask));
        const shownError = (error.dataSync()[0] as number) / (3 * 12 * 192);
        const rng = { fork: () => randomStream(1) } as unknown as RandomStream;
        const input = { views: [images], student, teacher: undefined, rng, position: firstPosition };
        const loss = method.prepare(input).loss(student).loss.dataSync()[0] as number;
        expect(shownError / loss).toBeCloseTo(1, 5);
      },
    );

    it("refuses images that the patches do not divide", () => {
      const student = method.init(randomStream(0));
      const reconstruct = () =>
        method.reconstruct?.(student, tf.zeros([1, 30, 32, 3]) as tf.Tensor4D, randomStream(0));
      expect(reconstruct).toThrow(/patches|patch size/);
    });

    it("disposes what a picture needs", async () => {
      const student = method.init(randomStream(0));
      const [images] = randomViews({ views: 1, batch: 2, size: 32 }) as [tf.Tensor4D];
      const leaked = await leakedTensors(() => {
        tf.dispose({ ...method.reconstruct?.(student, images, randomStream(1)) });
      });
      expect(leaked).toBe(0);
    });
  });
}

describe("MAE's recipe", () => {
  it("is a warm-up from 0 and a half cosine to 0, by step", () => {
    const rate = maeRecipe.learningRateSchedule({ base: 1, final: 0, steps: 50, warmupSteps: 10 });
    expect([0, 5, 10, 30, 50].map(rate)).toEqual([0, 0.5, 1, expect.closeTo(0.5, 12), 0]);
  });
});
