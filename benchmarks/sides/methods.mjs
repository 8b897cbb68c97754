import {
  crossEntropy,
  crossViewNtXent,
  dinoLoss,
  infoNce,
  maskedL1,
  ntXent,
  patchPixels,
  teacherTemperatures,
} from "@sitjs/losses";
import { gmml, maskUnits, randomRotations, visiblePatches } from "@sitjs/masking";
import { dino, gmmlRotation, mae, mocoV3, simclr, simmim, sit } from "@sitjs/train";
import {
  dinoHead,
  maskedDecoder,
  mocoHeads,
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
  simclr: (of) => simclr({ ...encoder(of), head: contrast(of).head, loss: ntXent() }),
  "moco-v3": (of) => mocoV3({ ...encoder(of), ...mocoHeads(projection(of)), loss: infoNce() }),
  dino: (of) => ({ method: multiCrop(of), viewSizes: [...Array(2).fill(of.imageSize), ...localSizes(of)] }),
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

const projection = ({ width, contrastHidden: hidden, contrastOutput: output }) => ({ width, hidden, output });

const contrast = (of) => ({ head: projectionHead(projection(of)), loss: crossViewNtXent() });

/** DINO's eight small crops, of whole patches, about as 96 of 224 pixels. */
const localSizes = ({ imageSize, patchSize }) =>
  Array(8).fill(patchSize * Math.round((imageSize / patchSize) * (96 / 224)));

const multiCrop = (of) => {
  const { width, hidden, output: bottleneck } = projection(of);
  const head = dinoHead({ width, hidden, bottleneck, output: 4096 });
  return dino({ ...encoder(of), head, loss: dinoLoss(), teacherTemperature: teacherTemperatures() });
};
