import {
  chrominanceL2,
  crossEntropy,
  crossViewNtXent,
  dinoLoss,
  infoMax,
  infoNce,
  maskedL1,
  maskedL2,
  ntXent,
  patchPixels,
  relation,
  relationPairs,
  teacherTemperatures,
} from "@sitjs/losses";
import {
  allRotations,
  centralHole,
  gmml,
  grayscale,
  jigsawPermutations,
  jigsawTiles,
  maskUnits,
  randomPatches,
  randomRotations,
  relativePositionTiles,
  visiblePatches,
} from "@sitjs/masking";
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
import {
  colorization,
  contextEncoder,
  deepCluster,
  deepInfoMax,
  gmmlRotation,
  jigsawPuzzle,
  mae,
  mocoV3,
  relationalReasoning,
  relativePositionPrediction,
  rotationPrediction,
  simclr,
  simmim,
} from "../src/index.js";
import type { BatchSource } from "../src/loader.js";
import type { Method } from "../src/method.js";
import { memoryLoader } from "./memory-loader.js";
import { patchSize, size, tinySit, width } from "./runs.js";
import { loader as dinoLoader, localCrops, tinyDino } from "./tiny-dino.js";

const vit = (dropPath = 0) =>
  visionTransformer({ imageSize: size, patchSize, width, depth: 2, heads: 2, dropPath });
/** A method with one option changed, by what the refusal says of it. */
type Changes<Options> = Readonly<Record<string, Partial<Options>>>;

export interface MethodRow {
  make(): Method;
  loader(): BatchSource;
  /** By what the refusal says of the change. */
  readonly others: Readonly<Record<string, () => Method>>;
}

/** A row of the table: what a method is made of, and what is changed. */
function row<Options extends object>(
  make: (options: Options) => Method,
  base: NoInfer<Options>,
  changes: Changes<NoInfer<Options>>,
  loader?: () => BatchSource,
): MethodRow {
  const others = Object.entries(changes).map(([said, change]) => [said, () => make({ ...base, ...change })]);
  return {
    make: () => make(base),
    loader: loader ?? (() => memoryLoader({ images: 8, batchSize: 4, views: make(base).views, size })),
    others: Object.fromEntries(others),
  };
}

const pixels = (hidden = 8) => ({ head: reconstructionHead({ width, patchSize, hidden }), loss: maskedL1() });
const projection = (output = 4) => projectionHead({ width, hidden: 8, output });
const classes = (members: number, output: number) => ({
  head: perceptronHead({ width: members * width, output }),
  loss: crossEntropy(),
});
const moco = (output = 4) => mocoHeads({ width, hidden: 8, output });
const permutations = jigsawPermutations(4);
const ownPairs = Object.assign((...given: Parameters<typeof relationPairs>) => relationPairs(...given), {
  settings: { name: "own-pairs" },
});
const smooth = crossEntropy({ labelSmoothing: 0.1 });
const smoothed = "method.loss.labelSmoothing 0 (now 0.1)";

/** By the method: what it is made of, and that with one option changed. */
export const methodRows: Readonly<Record<string, MethodRow>> = {
  SiT: row(
    tinySit,
    {},
    {
      "method.alpha 5 (now 1)": { alpha: 1 },
      "method.corruption.noise.ratio 0.7 (now 0.6)": {
        corruption: gmml({ noise: { ratio: 0.6 }, replace: { minimumRatio: 0.3 } }),
      },
      'method.corruption "gmml(noise + replace)" (now "random-patches")': {
        corruption: randomPatches({ patchSize }),
      },
      "method.reconstruction.head.hidden 24 (now 8)": { reconstruction: pixels() },
      'method.reconstruction.loss.over "masked" (now "all")': {
        reconstruction: { ...pixels(24), loss: maskedL1({ over: "all" }) },
      },
      "method.contrast.loss.temperature 0.2 (now 0.3)": {
        contrast: {
          head: projectionHead({ width, hidden: 24, output: 8 }),
          loss: crossViewNtXent({ temperature: 0.3 }),
        },
      },
      "method.contrast.teacher true (now false)": {
        contrast: {
          head: projectionHead({ width, hidden: 24, output: 8 }),
          loss: crossViewNtXent(),
          teacher: false,
        },
      },
      'method.reconstruction {"head"': { reconstruction: undefined },
      "backbone.dropPath 0.1 (now 0)": {
        backbone: visionTransformer({ imageSize: size, patchSize, width, depth: 1, heads: 2, dropPath: 0 }),
      },
    },
  ),
  GMML: row(
    tinySit,
    { contrast: undefined },
    {
      'method.contrast "none" (now {"head"': {
        contrast: { head: projection(), loss: ntXent(), teacher: false },
      },
    },
  ),
  "GMML with rotation": row(
    gmmlRotation,
    {
      ...{ backbone: vit(), corruption: gmml(), reconstruction: pixels() },
      rotation: { ...classes(1, 4), rotate: randomRotations },
    },
    {
      "method.alpha 5 (now 2)": { alpha: 2 },
      'method.corruption.rand "none" (now {"ratio":0.7,"minimumRatio":0.5})': {
        corruption: gmml({ rand: {} }),
      },
      "method.reconstruction.head.hidden 8 (now 4)": { reconstruction: pixels(4) },
      "method.rotation.loss.labelSmoothing 0 (now 0.1)": {
        rotation: { ...classes(1, 4), loss: smooth, rotate: randomRotations },
      },
      'method.rotation.rotate "random-rotations" (now "all-rotations")': {
        rotation: { ...classes(1, 4), rotate: allRotations },
      },
    },
  ),
  MAE: row(
    mae,
    {
      ...{ backbone: vit(), sampler: visiblePatches() },
      decoder: maskedDecoder({ width, decoderWidth: 8, depth: 1, heads: 2, patchSize }),
      loss: patchPixels({ patchSize }),
    },
    {
      "method.sampler.ratio 0.75 (now 0.6)": { sampler: visiblePatches({ ratio: 0.6 }) },
      "method.decoder.heads 2 (now 4)": {
        decoder: maskedDecoder({ width, decoderWidth: 8, depth: 1, heads: 4, patchSize }),
      },
      "method.loss.normalize false (now true)": { loss: patchPixels({ patchSize, normalize: true }) },
    },
  ),
  SimMIM: row(
    simmim,
    {
      ...{ backbone: vit(), masking: maskUnits({ unitSize: 8 }), loss: maskedL1() },
      head: pixelShuffleHead({ width, patchSize }),
    },
    {
      "method.masking.ratio 0.6 (now 0.5)": { masking: maskUnits({ unitSize: 8, ratio: 0.5 }) },
      "method.masking.unitSize 8 (now 4)": { masking: maskUnits({ unitSize: 4 }) },
      'method.head "pixel-shuffle" (now "reconstruction-paper")': { head: pixels().head },
      'method.loss "masked-l1" (now "masked-l2")': { loss: maskedL2() },
    },
  ),
  "MoCo v3": row(
    mocoV3,
    { backbone: vit(), ...moco(), loss: infoNce() },
    {
      "method.projector.output 4 (now 6)": { projector: moco(6).projector },
      "method.predictor.output 4 (now 6)": { predictor: moco(6).predictor },
      "method.loss.temperature 0.2 (now 0.1)": { loss: infoNce({ temperature: 0.1 }) },
      "method.freezePatchEmbedding true (now false)": { freezePatchEmbedding: false },
    },
  ),
  DINO: row(
    tinyDino,
    {},
    {
      "method.head.output 12 (now 10)": {
        head: dinoHead({ width, hidden: 24, bottleneck: 8, output: 10, initialization: "xavier" }),
      },
      "method.loss.centerMomentum 0.9 (now 0.8)": { loss: dinoLoss({ centerMomentum: 0.8 }) },
      "method.teacherTemperature.of epoch 0 0.1 (now 0.04)": {
        teacherTemperature: teacherTemperatures({ start: 0.04, final: 0.3, warmupEpochs: 3 }),
      },
      "method.teacherTemperature.of epoch 1024 0.3 (now 0.07)": {
        teacherTemperature: teacherTemperatures({ start: 0.1, final: 0.07, warmupEpochs: 3 }),
      },
      "method.teacherTemperature.of epoch 1 0.2 (now": {
        teacherTemperature: teacherTemperatures({ start: 0.1, final: 0.3, warmupEpochs: 9 }),
      },
      "method.localCrops 3 (now 2)": { localCrops: localCrops - 1 },
      "method.freezeLastLayerEpochs 1 (now 2)": { freezeLastLayerEpochs: 2 },
      "method.freezePrototypeLengths true (now false)": { freezePrototypeLengths: false },
    },
    dinoLoader,
  ),
  SimCLR: row(
    simclr,
    { backbone: vit(), head: projection(), loss: ntXent() },
    {
      "method.head.output 4 (now 6)": { head: projection(6) },
      "method.loss.temperature 0.2 (now 0.5)": { loss: ntXent({ temperature: 0.5 }) },
    },
  ),
  rotation: row(
    rotationPrediction,
    { backbone: vit(), ...classes(1, 4), rotate: randomRotations },
    {
      [smoothed]: { loss: smooth },
      'method.rotate "random-rotations" (now "all-rotations")': { rotate: allRotations },
      "method.head.output 4 (now 5)": { head: classes(1, 5).head },
    },
  ),
  "relative positions": row(
    relativePositionPrediction,
    { backbone: vit(), ...classes(2, 8), tiles: relativePositionTiles({ patchSize: 4, gap: 1, jitter: 1 }) },
    {
      [smoothed]: { loss: smooth },
      "method.head.output 8 (now 9)": { head: classes(2, 9).head },
      "method.tiles.patchSize 4 (now 8)": {
        tiles: relativePositionTiles({ patchSize: 8, gap: 1, jitter: 1 }),
      },
      "method.tiles.gap 1 (now 2)": { tiles: relativePositionTiles({ patchSize: 4, gap: 2, jitter: 1 }) },
      "method.tiles.jitter 1 (now 0)": { tiles: relativePositionTiles({ patchSize: 4, gap: 1, jitter: 0 }) },
    },
  ),
  jigsaw: row(
    jigsawPuzzle,
    { backbone: vit(), ...classes(9, permutations.length), tiles: jigsawTiles({ permutations, gap: 1 }) },
    {
      [smoothed]: { loss: smooth },
      "method.head.output 4 (now 5)": { head: classes(9, 5).head },
      "method.tiles.gap 1 (now 0)": { tiles: jigsawTiles({ permutations, gap: 0 }) },
      'method.tiles.jitter "half the gap" (now 0)': {
        tiles: jigsawTiles({ permutations, gap: 1, jitter: 0 }),
      },
      "method.tiles.permutations 4 entries (now 3)": {
        tiles: jigsawTiles({ permutations: permutations.slice(1), gap: 1 }),
      },
      "method.tiles.permutations[0] [0,": {
        tiles: jigsawTiles({ permutations: [...permutations.slice(1), permutations[0] ?? []], gap: 1 }),
      },
    },
  ),
  colourisation: row(
    colorization,
    {
      ...{ backbone: vit(), corruption: grayscale(), loss: chrominanceL2() },
      head: pixelShuffleHead({ width, patchSize }),
    },
    {
      "method.corruption.mean [0,0,0] (now [0.1,0,0])": { corruption: grayscale({ mean: [0.1, 0, 0] }) },
      "method.loss.deviation [1,1,1] (now [1,1,2])": { loss: chrominanceL2({ deviation: [1, 1, 2] }) },
      'method.head "pixel-shuffle" (now': { head: pixels().head },
    },
  ),
  "context encoder": row(
    contextEncoder,
    { backbone: vit(), corruption: centralHole(), ...pixels(), loss: maskedL2() },
    {
      "method.corruption.side 0.5 (now 0.25)": { corruption: centralHole({ side: 0.25 }) },
      'method.loss.over "masked" (now "all")': { loss: maskedL2({ over: "all" }) },
      "method.head.hidden 8 (now 4)": { head: pixels(4).head },
    },
  ),
  DeepCluster: row(
    deepCluster,
    { backbone: vit(), ...classes(1, 3), clusters: 3, images: 8 },
    {
      [smoothed]: { loss: smooth },
      "method.clusters 3 (now 2)": { clusters: 2 },
      "method.images 8 (now 9)": { images: 9 },
      'method.features "token" (now "mean")': { features: "mean" },
      "method.iterations 20 (now 10)": { iterations: 10 },
      "method.head.output 3 (now 4)": { head: classes(1, 4).head },
    },
  ),
  "Deep InfoMax": row(
    deepInfoMax,
    { backbone: vit(), global: classes(1, 4).head, local: classes(1, 4).head, loss: infoMax() },
    {
      "method.alpha 0.5 (now 1)": { alpha: 1 },
      "method.beta 1 (now 0.5)": { beta: 0.5 },
      "method.localBlock 1 (now 2)": { localBlock: 2 },
      'method.loss.estimator "jensen-shannon" (now "info-nce")': { loss: infoMax({ estimator: "info-nce" }) },
      "method.global.output 4 (now 6)": { global: classes(1, 6).head },
      "method.local.output 4 (now 6)": { local: classes(1, 6).head },
    },
  ),
  "relational reasoning": row(
    relationalReasoning,
    { backbone: vit(), relation: classes(2, 1).head, loss: relation(), pairs: relationPairs },
    {
      "method.loss.gamma 2 (now 0)": { loss: relation({ gamma: 0 }) },
      "method.views 4 (now 3)": { views: 3 },
      'method.pairs "relation-pairs" (now "own-pairs")': { pairs: ownPairs },
      "method.relation.hidden [] (now [8])": {
        relation: perceptronHead({ width: 2 * width, hidden: [8], output: 1 }),
      },
    },
  ),
};
