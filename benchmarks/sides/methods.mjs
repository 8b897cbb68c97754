import { crossEntropy, crossViewNtXent, maskedL1, patchPixels } from "@sitjs/losses";
import { gmml, maskUnits, randomRotations, visiblePatches } from "@sitjs/masking";
import { gmmlRotation, mae, simmim, sit } from "@sitjs/train";
import {
  maskedDecoder,
  perceptronHead,
  pixelShuffleHead,
  projectionHead,
  reconstructionHead,
  visionTransformer,
} from "@sitjs/vit";

/**
 * The methods whose steps are timed beside each other, by name, each at a scene's encoder: one line adds one. The first is
 * what the others are compared with. Every view is of the scene's size, unless `viewSizes` of the entry says pixels of each.
 *
 * @type {Record<string, (scene: import("../workloads.mjs").Scene) =>
 *   import("@sitjs/train").Method | { method: import("@sitjs/train").Method, viewSizes: number[] }>}
 */
export const methods = {
  mae: (of) =>
    mae({ ...encoder(of), sampler: visiblePatches(), decoder: decoder(of), loss: patchPixels(of) }),
  simmim: (of) => simmim({ ...encoder(of), masking: blocks(of), ...pixels(of) }),
  gmml: (of) => sit({ ...encoder(of), corruption: gmml(), reconstruction: repair(of) }),
  "gmml-rotation": (of) =>
    gmmlRotation({ ...encoder(of), corruption: gmml(), reconstruction: repair(of), rotation: rotation(of) }),
  sit: (of) =>
    sit({ ...encoder(of), corruption: gmml(), reconstruction: repair(of), contrast: contrast(of) }),
};

/** The same for all: fixed positions, no drop path. */
const encoder = ({ imageSize, patchSize, width, depth, heads }) => ({
  backbone: visionTransformer({
    imageSize,
    patchSize,
    width,
    depth,
    heads,
    dropPath: 0,
    positions: "sincos",
  }),
});

/** Beside its encoder as MAE's beside ViT-L: half as wide, a third as deep. */
const decoder = ({ width, depth, heads, patchSize }) =>
  maskedDecoder({ width, decoderWidth: width / 2, depth: depth / 3, heads, patchSize });

const blocks = ({ unitSize, ratio }) => maskUnits({ unitSize, ratio });

const pixels = ({ width, patchSize }) => ({ head: pixelShuffleHead({ width, patchSize }), loss: maskedL1() });

const repair = ({ width, patchSize, reconstructionHidden: hidden }) => ({
  head: reconstructionHead({ width, patchSize, hidden }),
  loss: maskedL1(),
});

const rotation = ({ width }) => ({
  head: perceptronHead({ width, output: 4 }),
  loss: crossEntropy(),
  rotate: randomRotations,
});

const contrast = ({ width, contrastHidden: hidden, contrastOutput: output }) => ({
  head: projectionHead({ width, hidden, output }),
  loss: crossViewNtXent(),
});
