// What every method keeps to; what each of them computes is in the tests of its own.
import { type MethodCheckOptions, methodChecks } from "@sitjs/core/testing";
import {
  chrominanceL2,
  crossEntropy,
  infoMax,
  infoNce,
  maskedL1,
  maskedL2,
  ntXent,
  patchPixels,
  relation,
  relationPairs,
} from "@sitjs/losses";
import {
  centralHole,
  gmml,
  grayscale,
  jigsawPermutations,
  jigsawTiles,
  maskUnits,
  randomRotations,
  relativePositionTiles,
  visiblePatches,
} from "@sitjs/masking";
import {
  maskedDecoder,
  mocoHeads,
  perceptronHead,
  pixelShuffleHead,
  projectionHead,
  reconstructionHead,
  visionTransformer,
} from "@sitjs/vit";
import { beforeAll, describe, test } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { tinySit } from "../../test/runs.js";
import { imageSize, localCrops, localSize, tinyDino } from "../../test/tiny-dino.js";
import {
  colorization,
  contextEncoder,
  deepCluster,
  deepInfoMax,
  gmmlRotation,
  jigsawPuzzle,
  type Method,
  mae,
  mocoV3,
  relationalReasoning,
  relativePositionPrediction,
  rotationPrediction,
  simclr,
  simmim,
} from "../index.js";

const [width, patchSize] = [8, 4];
const vit = (size = 8, dropPath = 0) =>
  visionTransformer({ imageSize: size, patchSize, width, depth: 1, heads: 2, dropPath });
const pixels = () => ({ head: reconstructionHead({ width, patchSize, hidden: 8 }), loss: maskedL1() });
const permutations = jigsawPermutations(4);
const classes = (members: number, output: number) => ({
  head: perceptronHead({ width: members * width, output }),
  loss: crossEntropy(),
});

const methods: Record<string, readonly [make: () => Method, options?: MethodCheckOptions]> = {
  SiT: [() => tinySit()],
  "SiT without a teacher": [
    () =>
      tinySit({
        contrast: {
          head: projectionHead({ width: 16, hidden: 8, output: 4 }),
          loss: ntXent(),
          teacher: false,
        },
      }),
  ],
  GMML: [() => tinySit({ contrast: undefined })],
  "GMML with rotation": [
    () =>
      gmmlRotation({
        backbone: vit(8, 0.2),
        corruption: gmml(),
        reconstruction: pixels(),
        rotation: { ...classes(1, 4), rotate: randomRotations },
      }),
  ],
  MAE: [
    () =>
      mae({
        backbone: vit(16),
        sampler: visiblePatches({ ratio: 0.75 }),
        decoder: maskedDecoder({ width, decoderWidth: 8, depth: 1, heads: 2, patchSize }),
        loss: patchPixels({ patchSize, normalize: true }),
      }),
  ],
  SimMIM: [
    () =>
      simmim({
        backbone: vit(16),
        masking: maskUnits({ unitSize: 8, ratio: 0.5 }),
        head: pixelShuffleHead({ width, patchSize }),
        loss: maskedL1(),
      }),
  ],
  "MoCo v3": [
    () => mocoV3({ backbone: vit(), ...mocoHeads({ width, hidden: 8, output: 4 }), loss: infoNce() }),
  ],
  DINO: [() => tinyDino(), { sizes: [imageSize, imageSize, ...Array<number>(localCrops).fill(localSize)] }],
  SimCLR: [
    () => simclr({ backbone: vit(), head: projectionHead({ width, hidden: 8, output: 4 }), loss: ntXent() }),
  ],
  rotation: [() => rotationPrediction({ backbone: vit(), ...classes(1, 4), rotate: randomRotations })],
  "relative positions": [
    () =>
      relativePositionPrediction({
        backbone: vit(16),
        ...classes(2, 8),
        tiles: relativePositionTiles({ patchSize: 4, gap: 1, jitter: 1 }),
      }),
  ],
  jigsaw: [
    () =>
      jigsawPuzzle({
        backbone: vit(16),
        ...classes(9, permutations.length),
        tiles: jigsawTiles({ permutations, gap: 1 }),
      }),
  ],
  colourisation: [
    () =>
      colorization({
        backbone: vit(),
        corruption: grayscale(),
        head: pixelShuffleHead({ width, patchSize }),
        loss: chrominanceL2(),
      }),
  ],
  "context encoder": [
    () => contextEncoder({ backbone: vit(), corruption: centralHole(), ...pixels(), loss: maskedL2() }),
  ],
  DeepCluster: [() => deepCluster({ backbone: vit(), ...classes(1, 3), clusters: 3, images: 8 })],
  "Deep InfoMax": [
    () =>
      deepInfoMax({
        backbone: vit(),
        global: perceptronHead({ width, output: 4 }),
        local: perceptronHead({ width, output: 4 }),
        loss: infoMax(),
      }),
  ],
  "relational reasoning": [
    () =>
      relationalReasoning({
        backbone: vit(),
        relation: perceptronHead({ width: 2 * width, hidden: [8], output: 1 }),
        loss: relation(),
        pairs: relationPairs,
      }),
  ],
};

// The slowest of the checks: on the native engine, where it is, else on wasm.
for (const engine of (await engines()).slice(-1)) {
  describe(`methods on ${engine.name}`, () => {
    beforeAll(() => engine.use());
    for (const [title, [make, options]] of Object.entries(methods)) {
      describe(title, () => {
        for (const { name, run } of methodChecks(make, options)) test(name, run);
      });
    }
  });
}
