import type { MethodName } from "../methods/names.js";

/** Every setting of a run, by name; what each means is in `definitions`. */
export interface Settings {
  method: MethodName;
  images: number;
  imageSize: number;
  channels: 1 | 3;
  statistics: "dataset" | "imagenet";
  patchSize: number;
  width: number;
  depth: number;
  heads: number;
  mlpRatio: number;
  layerNormEpsilon: number;
  dropPath: number;
  positions: "learned" | "sincos" | "sincos-moco" | "relative" | "none";
  initialization: "truncated-normal" | "xavier" | "mae" | "moco-v3";
  layerScale: number;
  headVariant: "paper" | "official";
  reconstructionHidden: number;
  projectionHidden: number;
  projectionOutput: number;
  prototypes: number;
  decoderWidth: number;
  decoderDepth: number;
  decoderHeads: number;
  corruption: CorruptionKind;
  corruptionRatio: number;
  replaceRatio: number;
  minimumRatio: number;
  blockMinimum: number;
  blockMaximum: number;
  alignment: number;
  maskRatio: number;
  maskUnit: number;
  tileRows: number;
  permutations: number;
  reconstruction: "masked-l1" | "masked-l2" | "l1" | "l2" | "none";
  contrast: "teacher" | "self" | "none";
  pixelNormalization: "patch" | "none";
  alpha: number;
  localWeight: number;
  temperature: number;
  teacherTemperature: number;
  finalTeacherTemperature: number;
  teacherWarmupEpochs: number;
  frozenEpochs: number;
  patchEmbedding: "trained" | "frozen";
  clusters: number;
  views: "standard" | "small";
  cropScale: number;
  flip: number;
  solarize: number;
  localCrops: number;
  localSize: number;
  localCropScale: number;
  relationViews: number;
  epochs: number;
  batchSize: number;
  learningRate: number;
  finalLearningRate: number;
  warmupEpochs: number;
  weightDecay: number;
  finalWeightDecay: number;
  beta2: number;
  momentum: number;
  precision: "float32" | "bfloat16";
  clip: number;
  checkpointEvery: number;
  checkpointSteps: number;
  checkpointMinutes: number;
  keepCheckpoints: number;
  skipNotFinite: number;
  badImages: number;
  badTestImages: number;
  workerTimeout: number;
  finetuneSteps: number;
  finetuneEpochs: number;
  finetuneBatchSize: number;
  finetuneLearningRate: number;
  finetuneWeightDecay: number;
  finetuneCropScale: number;
  finetuneRecipe: "plain" | "deit" | "mae";
  finetuneFinalLearningRate: number;
  finetuneWarmupEpochs: number;
  finetuneClip: number;
  finetuneDropPath: number;
  embeddingDecay: "on" | "off";
  mixup: number;
  cutmix: number;
  mixProbability: number;
  mixSwitch: number;
  randAugment: number;
  randAugmentMagnitude: number;
  randAugmentDeviation: number;
  erasing: number;
  erasingFill: "noise" | "mean";
  averageDecay: number;
  layerDecay: number;
  labelSmoothing: number;
  classifier: "linear" | "two-layer";
  pool: "token" | "mean" | "token+mean";
  neighbours: number;
  weights: "student" | "teacher";
  watchEvery: number;
  watchImages: number;
  watchShare: number;
  pictures: number;
  tensorboard: "on" | "off";
}

export type CorruptionKind =
  | "zeros"
  | "noise"
  | "replace"
  | "zeros+replace"
  | "noise+replace"
  | "rand"
  | "none";
