import { randomStream, type TokenMasking } from "@sitjs/core";
import { maskedL1 } from "@sitjs/losses";
import { maskUnits } from "@sitjs/masking";
import { pixelShuffleHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { type Fixture, loadFixture } from "../../../../fixtures/load.js";
import { toImages, toTensor } from "../../../../fixtures/tensors.js";
import { expectFixtureStep } from "../../test/fixture-step.js";
import { fewSteps, randomViews, resultOfSteps, tensorsOfAStep } from "../../test/method-checks.js";
import { adamW } from "../optimizer.js";
import { disposeState } from "../step.js";
import { simmim, simmimRecipe } from "./simmim.js";

/** Of the fixtures' sizes. */
function fixtureSimmim(masking: TokenMasking, relative: boolean, dropPath = 0) {
  return simmim({
    backbone: visionTransformer({
      imageSize: 32,
      patchSize: 8,
      width: 32,
      depth: 2,
      heads: 4,
      dropPath,
      qkvBias: "query-value",
      positions: relative ? "none" : "learned",
      relativePositions: relative,
      layerScale: relative ? 0.1 : undefined,
    }),
    masking,
    head: pixelShuffleHead({ width: 32, patchSize: 8 }),
    loss: maskedL1(),
  });
}

/** What the fixture draws. */
const recorded = (fixture: Fixture): TokenMasking => ({
  name: "recorded",
  draw() {
    const patches = tf.cast(toTensor(fixture.entry("in/mask")), "float32") as tf.Tensor3D;
    const column = tf.reshape(patches, [3, 4, 4, 1]) as tf.Tensor4D;
    return { patches, pixels: tf.image.resizeNearestNeighbor(column, [32, 32]) };
  },
});

/** Ours of the reference's names; which row of the table belongs to which pair of tokens is computed here. */
function nameOf(theirs: string): string | undefined {
  if (theirs.endsWith("relative_position_index")) return undefined;
  if (theirs === "encoder.mask_token") return "mask_token";
  return theirs.replace(/^encoder\./, "backbone.");
}

for (const engine of await engines({ cpu: true, plain: true })) {
  describe(`SimMIM on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it.each([
      { name: "simmim", relative: false },
      { name: "simmim_rpb", relative: true },
    ])("has the reference's parameters, loss and every gradient: $name", async ({ name, relative }) => {
      const fixture = loadFixture(name);
      await expectFixtureStep({
        method: fixtureSimmim(recorded(fixture), relative),
        views: [toImages(fixture.entry("in/x"))],
        fixture,
        nameOf,
        loss: "out/loss",
        gradients: "grad/",
      });
    });
  });
}

for (const engine of await engines()) {
  describe(`simmim() on ${engine.name}`, () => {
    beforeAll(() => engine.use());
    const method = fixtureSimmim(maskUnits({ unitSize: 16 }), true, 0.1);

    it("leaves no tensor behind in a step", () => {
      expect(tensorsOfAStep(method, randomViews({ views: 1, batch: 3, size: 32 }))).toBe(0);
    });

    it("gives the same for the same seed, and masks other blocks for another", () => {
      const views = randomViews({ views: 1, batch: 3, size: 32 });
      const once = resultOfSteps(method, views);
      expect(resultOfSteps(method, views)).toEqual(once);
      expect(resultOfSteps(method, views, 1).losses[0]).not.toBe(once.losses[0]);
    });

    it("shows what is visible as it is, and the mask token in place of what is not", () => {
      const student = method.init(randomStream(0));
      const [images] = randomViews({ views: 1, batch: 3, size: 32 }) as [tf.Tensor4D];
      const show = (params: typeof student, of: tf.Tensor4D) => {
        const shown = method.reconstruct?.(params, of, randomStream(1));
        if (!shown) throw new Error("expected a reconstruction");
        return shown;
      };
      const { corrupted, mask, reconstruction } = show(student, images);
      // 0.6 of 4 blocks, rounded up
      expect(tf.mean(mask).dataSync()[0]).toBe(0.75);
      const visible = tf.sub(1, mask);
      const apart = (a: tf.Tensor, b: tf.Tensor, chosen: tf.Tensor = tf.scalar(1)) =>
        tf.max(tf.mul(tf.abs(tf.sub(a, b)), chosen)).dataSync()[0] as number;
      expect(apart(corrupted, tf.scalar(0), mask)).toBe(0);
      expect(apart(corrupted, images, visible)).toBe(0);
      expect(apart(reconstruction, images, visible)).toBe(0);
      expect(apart(reconstruction, tf.scalar(0), mask)).toBeGreaterThan(0.01);
      // Hidden pixels say nothing; another mask token does.
      expect(apart(show(student, corrupted).reconstruction, reconstruction)).toBe(0);
      const other = { ...student, mask_token: tf.mul(student.mask_token as tf.Tensor, 50) };
      expect(apart(show(other, images).reconstruction, reconstruction)).toBeGreaterThan(1e-3);
    });

    it("decays matrices and the mask token, and no class token, position, bias or norm", () => {
      const learned = fixtureSimmim(maskUnits({ unitSize: 16 }), false);
      const views = randomViews({ views: 1, batch: 2, size: 32 });
      // Two runs from the same start that differ in nothing but the rules.
      const { rules } = simmimRecipe.adamW;
      if (!rules) throw new Error("expected rules");
      const none = rules.map((rule) => ({ ...rule, value: { ...rule.value, weightDecay: 0 } }));
      const settings = { steps: 1, learningRate: 0.1 };
      const decayed = fewSteps(learned, views, { ...settings, rules }).state;
      const kept = fewSteps(learned, views, { ...settings, rules: none }).state;
      const differing = Object.keys(decayed.student).filter((name) => {
        const [a, b] = [decayed.student[name] as tf.Tensor, kept.student[name] as tf.Tensor];
        return (tf.max(tf.abs(tf.sub(a, b))).dataSync()[0] as number) > 0;
      });
      expect(differing.sort()).toEqual(
        Object.keys(decayed.student)
          .filter((name) => name === "mask_token" || /weight$/.test(name))
          .filter((name) => !/norm/.test(name))
          .sort(),
      );
      disposeState(decayed);
      disposeState(kept);
    });
  });
}

describe("SimMIM's recipe", () => {
  it("warms up from a 200th, and has a tenth in the last eighth", () => {
    const rate = simmimRecipe.learningRateSchedule({ base: 1, final: 0.1, steps: 800, warmupSteps: 10 });
    expect([0, 5, 10, 699, 700, 799].map(rate)).toEqual([0.005, expect.closeTo(0.5025, 12), 1, 1, 0.1, 0.1]);
  });

  it("clips all gradients together at 5", () => {
    expect(adamW(simmimRecipe.adamW).settings).toMatchObject({ clipping: { global: 5 } });
  });
});
