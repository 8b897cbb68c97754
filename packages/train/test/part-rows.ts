import type { Part, PartFunction } from "@sitjs/core";
import { averageNormHead } from "@sitjs/hub";
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
  sigmoidCrossEntropy,
} from "@sitjs/losses";
import {
  allRotations,
  centralHole,
  gmml,
  grayscale,
  jigsawPermutations,
  jigsawTiles,
  maskUnits,
  noCorruption,
  randomPatches,
  randomRotations,
  relativePositionTiles,
  visiblePatches,
} from "@sitjs/masking";
import {
  classifierHead,
  dinoHead,
  maskedDecoder,
  perceptronHead,
  pixelShuffleHead,
  projectionHead,
  reconstructionHead,
} from "@sitjs/vit";

type AnyPart = Part | PartFunction<(...given: never[]) => unknown>;
/** A part, and with one option changed, by what the refusal says of it. */
export type PartRow = readonly [part: AnyPart, others: Readonly<Record<string, AnyPart>>];
const permutations = jigsawPermutations(4);
const sides = { width: 8, patchSize: 4 } as const;
const decoder = { ...sides, decoderWidth: 8, depth: 1, heads: 2 } as const;
const dino = { width: 8, hidden: 8, bottleneck: 4, output: 6 } as const;
/** By the function that makes it. */
export const partRows: Readonly<Record<string, PartRow>> = {
  gmml: [
    gmml(),
    {
      'zeros "none" (now {"ratio":0.7': gmml({ zeros: {}, noise: {}, replace: {} }),
      "noise.ratio 0.7 (now 0.8)": gmml({ noise: { ratio: 0.8 }, replace: {} }),
      "replace.minimumRatio 0.3 (now 0.1)": gmml({ noise: {}, replace: { minimumRatio: 0.1 } }),
      "blocks.maximum 0.25 (now 0.3)": gmml({ blocks: { minimum: 0.05, maximum: 0.3 } }),
      'rand "none" (now {"ratio":0.7': gmml({ noise: {}, replace: {}, rand: {} }),
      "alignment 1 (now 4)": gmml({ alignment: 4 }),
    },
  ],
  centralHole: [centralHole(), { "side 0.5 (now 0.4)": centralHole({ side: 0.4 }) }],
  grayscale: [
    grayscale(),
    {
      "mean [0,0,0] (now [0,1,0])": grayscale({ mean: [0, 1, 0] }),
      "deviation [1,1,1] (now [1,2,1])": grayscale({ deviation: [1, 2, 1] }),
    },
  ],
  randomPatches: [
    randomPatches({ patchSize: 4 }),
    {
      "patchSize 4 (now 8)": randomPatches({ patchSize: 8 }),
      "ratio 0.75 (now 0.5)": randomPatches({ patchSize: 4, ratio: 0.5 }),
    },
  ],
  noCorruption: [noCorruption(), { '"none" (now "central-hole")': centralHole() }],
  maskUnits: [
    maskUnits(),
    {
      "unitSize 32 (now 16)": maskUnits({ unitSize: 16 }),
      "ratio 0.6 (now 0.7)": maskUnits({ ratio: 0.7 }),
    },
  ],
  visiblePatches: [visiblePatches(), { "ratio 0.75 (now 0.5)": visiblePatches({ ratio: 0.5 }) }],
  jigsawTiles: [
    jigsawTiles({ permutations }),
    {
      "rows 3 (now 2)": jigsawTiles({ permutations, rows: 2 }),
      'gap "of the paper" (now 2)': jigsawTiles({ permutations, gap: 2 }),
      'jitter "half the gap" (now 0)': jigsawTiles({ permutations, jitter: 0 }),
      "permutations 4 entries (now 5)": jigsawTiles({ permutations: jigsawPermutations(5) }),
    },
  ],
  relativePositionTiles: [
    relativePositionTiles({ patchSize: 8 }),
    {
      "patchSize 8 (now 4)": relativePositionTiles({ patchSize: 4 }),
      'gap "half a patch" (now 1)': relativePositionTiles({ patchSize: 8, gap: 1 }),
      'jitter "7/96 of a patch" (now 0)': relativePositionTiles({ patchSize: 8, jitter: 0 }),
    },
  ],
  rotations: [randomRotations, { '"random-rotations" (now "all-rotations")': allRotations }],
  relationPairs: [relationPairs, { '"relation-pairs" (now "random-rotations")': randomRotations }],
  maskedL1: [maskedL1(), { 'over "masked" (now "all")': maskedL1({ over: "all" }) }],
  maskedL2: [maskedL2(), { 'over "masked" (now "all")': maskedL2({ over: "all" }) }],
  chrominanceL2: [
    chrominanceL2(),
    { "deviation [1,1,1] (now [2,1,1])": chrominanceL2({ deviation: [2, 1, 1] }) },
  ],
  crossViewNtXent: [
    crossViewNtXent(),
    { "temperature 0.2 (now 0.1)": crossViewNtXent({ temperature: 0.1 }) },
  ],
  ntXent: [ntXent(), { "temperature 0.2 (now 0.1)": ntXent({ temperature: 0.1 }) }],
  infoNce: [infoNce(), { "temperature 0.2 (now 0.1)": infoNce({ temperature: 0.1 }) }],
  dinoLoss: [
    dinoLoss(),
    {
      "globalCrops 2 (now 3)": dinoLoss({ globalCrops: 3 }),
      "centerMomentum 0.9 (now 0.5)": dinoLoss({ centerMomentum: 0.5 }),
    },
  ],
  infoMax: [infoMax(), { 'estimator "jensen-shannon" (now "info-nce")': infoMax({ estimator: "info-nce" }) }],
  patchPixels: [
    patchPixels({ patchSize: 4 }),
    {
      "patchSize 4 (now 8)": patchPixels({ patchSize: 8 }),
      "normalize false (now true)": patchPixels({ patchSize: 4, normalize: true }),
    },
  ],
  relation: [relation(), { "gamma 2 (now 1)": relation({ gamma: 1 }) }],
  crossEntropy: [crossEntropy(), { "labelSmoothing 0 (now 0.1)": crossEntropy({ labelSmoothing: 0.1 }) }],
  sigmoidCrossEntropy: [
    sigmoidCrossEntropy(),
    { "labelSmoothing 0 (now 0.1)": sigmoidCrossEntropy({ labelSmoothing: 0.1 }) },
  ],
  classifierHead: [
    classifierHead({ width: 8, classes: 3 }),
    {
      'kind "linear" (now "two-layer")': classifierHead({
        width: 8,
        classes: 3,
        kind: "two-layer",
        input: "token",
      }),
      'input "token" (now "mean")': classifierHead({ width: 8, classes: 3, input: "mean" }),
      "width 8 (now 4)": classifierHead({ width: 4, classes: 3 }),
      "classes 3 (now 2)": classifierHead({ width: 8, classes: 2 }),
    },
  ],
  averageNormHead: [
    averageNormHead({ width: 8, classes: 3 }),
    {
      "width 8 (now 4)": averageNormHead({ width: 4, classes: 3 }),
      "classes 3 (now 2)": averageNormHead({ width: 8, classes: 2 }),
      "layerNormEpsilon 0.000001 (now 0.001)": averageNormHead({
        width: 8,
        classes: 3,
        layerNormEpsilon: 1e-3,
      }),
    },
  ],
  dinoHead: [
    dinoHead(dino),
    {
      "width 8 (now 4)": dinoHead({ ...dino, width: 4 }),
      "hidden 8 (now 4)": dinoHead({ ...dino, hidden: 4 }),
      "bottleneck 4 (now 8)": dinoHead({ ...dino, bottleneck: 8 }),
      "output 6 (now 8)": dinoHead({ ...dino, output: 8 }),
      "layers 3 (now 2)": dinoHead({ ...dino, layers: 2 }),
      "unitPrototypes true (now false)": dinoHead({ ...dino, unitPrototypes: false }),
      'initialization "truncated-normal" (now "xavier")': dinoHead({ ...dino, initialization: "xavier" }),
    },
  ],
  maskedDecoder: [
    maskedDecoder(decoder),
    {
      "width 8 (now 4)": maskedDecoder({ ...decoder, width: 4 }),
      "decoderWidth 8 (now 16)": maskedDecoder({ ...decoder, decoderWidth: 16 }),
      "depth 1 (now 2)": maskedDecoder({ ...decoder, depth: 2 }),
      "heads 2 (now 1)": maskedDecoder({ ...decoder, heads: 1 }),
      "mlpRatio 4 (now 2)": maskedDecoder({ ...decoder, mlpRatio: 2 }),
      "patchSize 4 (now 2)": maskedDecoder({ ...decoder, patchSize: 2 }),
      "channels 3 (now 1)": maskedDecoder({ ...decoder, channels: 1 }),
      "layerNormEpsilon 0.000001 (now 0.001)": maskedDecoder({ ...decoder, layerNormEpsilon: 1e-3 }),
      'initialization "xavier" (now "truncated-normal")': maskedDecoder({
        ...decoder,
        initialization: "truncated-normal",
      }),
    },
  ],
  perceptronHead: [
    perceptronHead({ width: 8, output: 2 }),
    {
      "width 8 (now 4)": perceptronHead({ width: 4, output: 2 }),
      "hidden [] (now [4])": perceptronHead({ width: 8, hidden: [4], output: 2 }),
      "output 2 (now 3)": perceptronHead({ width: 8, output: 3 }),
      'initialization "truncated-normal" (now "xavier")': perceptronHead({
        ...{ width: 8, output: 2 },
        initialization: "xavier",
      }),
    },
  ],
  pixelShuffleHead: [
    pixelShuffleHead(sides),
    {
      "width 8 (now 4)": pixelShuffleHead({ ...sides, width: 4 }),
      "patchSize 4 (now 2)": pixelShuffleHead({ ...sides, patchSize: 2 }),
      "channels 3 (now 1)": pixelShuffleHead({ ...sides, channels: 1 }),
    },
  ],
  projectionHead: [
    projectionHead({ width: 8 }),
    {
      'variant "paper" (now "official")': projectionHead({ width: 8, variant: "official" }),
      "width 8 (now 4)": projectionHead({ width: 4 }),
      "hidden 4096 (now 8)": projectionHead({ width: 8, hidden: 8 }),
      "output 256 (now 8)": projectionHead({ width: 8, output: 8 }),
      "layers 3 (now 2)": projectionHead({ width: 8, layers: 2 }),
      'initialization "truncated-normal" (now "xavier")': projectionHead({
        width: 8,
        initialization: "xavier",
      }),
    },
  ],
  reconstructionHead: [
    reconstructionHead(sides),
    {
      'variant "paper" (now "official")': reconstructionHead({ ...sides, variant: "official" }),
      "width 8 (now 4)": reconstructionHead({ ...sides, width: 4 }),
      "patchSize 4 (now 2)": reconstructionHead({ ...sides, patchSize: 2 }),
      "channels 3 (now 1)": reconstructionHead({ ...sides, channels: 1 }),
      "hidden 2048 (now 8)": reconstructionHead({ ...sides, hidden: 8 }),
      'initialization "truncated-normal" (now "xavier")': reconstructionHead({
        ...sides,
        initialization: "xavier",
      }),
    },
  ],
};
