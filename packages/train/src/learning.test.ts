// The sanity test of every training loop: the loss falls, on images as they come from the real loader.

import { crossEntropy, crossViewNtXent, maskedL1, patchPixels } from "@sitjs/losses";
import { gmml, maskUnits, randomRotations, visiblePatches } from "@sitjs/masking";
import {
  maskedDecoder,
  perceptronHead,
  pixelShuffleHead,
  projectionHead,
  reconstructionHead,
  visionTransformer,
} from "@sitjs/vit";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { type LearningOptions, learningCurve, learningViews } from "../test/learning.js";
import { greyImages } from "../test/real-images.js";
import type { Method } from "./method.js";
import { gmmlRotation } from "./methods/gmml-rotation.js";
import { mae } from "./methods/mae.js";
import { simmim } from "./methods/simmim.js";
import { sit } from "./methods/sit.js";

const [imageSize, patchSize, width, channels] = [28, 7, 32, 1];
const backbone = visionTransformer({ imageSize, patchSize, channels, width, depth: 2, heads: 2 });
const encoder = { imageSize, patchSize, channels, width, depth: 2, heads: 2, dropPath: 0 } as const;
const reconstruction = () => ({
  head: reconstructionHead({ width, patchSize, channels, hidden: 64 }),
  loss: maskedL1(),
});

/** Whole images as they are: some angles of a crop cannot be told. */
const uprightViews = learningViews()
  .slice(0, 1)
  .map((view) => ({ ...view, transforms: [] }));

/** Each with what must fall to which share of its start. */
const methods: readonly { method: Method; falls: Record<string, number>; options?: LearningOptions }[] = [
  {
    method: sit({
      backbone,
      corruption: gmml(),
      reconstruction: reconstruction(),
      contrast: { head: projectionHead({ width, hidden: 64, output: 32 }), loss: crossViewNtXent() },
      alpha: 1,
    }),
    falls: { loss: 0.95, reconstruction: 0.95, contrast: 0.95 },
  },
  {
    method: mae({
      backbone: visionTransformer({ ...encoder, positions: "sincos", initialization: "mae" }),
      sampler: visiblePatches(),
      decoder: maskedDecoder({ width, decoderWidth: 16, depth: 1, heads: 2, patchSize, channels }),
      loss: patchPixels({ patchSize }),
    }),
    falls: { loss: 0.9 },
  },
  {
    method: simmim({
      backbone: visionTransformer({
        ...encoder,
        positions: "none",
        relativePositions: true,
        layerScale: 0.1,
      }),
      masking: maskUnits({ unitSize: 7 }),
      head: pixelShuffleHead({ width, patchSize, channels }),
      loss: maskedL1(),
    }),
    falls: { loss: 0.9 },
  },
  {
    method: gmmlRotation({
      backbone: visionTransformer({ ...encoder, initialization: "xavier" }),
      corruption: gmml({ zeros: { ratio: 0.3 } }),
      reconstruction: reconstruction(),
      rotation: {
        head: perceptronHead({ width, output: 4 }),
        loss: crossEntropy(),
        rotate: randomRotations,
      },
      alpha: 0.2,
    }),
    falls: { loss: 0.95, reconstruction: 0.95, rotation: 0.95 },
    options: { steps: 150, learningRate: 2e-3, views: uprightViews },
  },
];

const { dataset } = await greyImages(64);

for (const engine of await engines()) {
  describe(`learning on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it.each(methods.map((each) => ({ name: each.method.name, ...each })))(
      "loss falls on real images, every part of it: $name",
      async ({ method, falls, options }) => {
        const curve = await learningCurve(method, dataset, options);
        for (const [part, share] of Object.entries(falls)) {
          const { before, after } = curve[part] as { before: number; after: number };
          expect(after, `${part} from ${before} to ${after}`).toBeLessThan(share * before);
        }
      },
    );
  });
}
