import type { MethodName } from "../methods/names.js";
import { methodPlans } from "../methods/plans.js";
import { recipes } from "./recipes.js";
import type { Settings } from "./settings.js";

/** SiT on small data: ViT-S/16 at 224 pixels, the paper's settings where it gives them, else the official code's. */
const paperSmall: Settings = {
  method: "sit",
  images: 0,
  imageSize: 224,
  channels: 3,
  statistics: "imagenet",
  patchSize: 16,
  width: 384,
  depth: 12,
  heads: 6,
  mlpRatio: 4,
  layerNormEpsilon: 1e-6,
  dropPath: 0.1,
  positions: "learned",
  initialization: "truncated-normal",
  layerScale: 0,
  headVariant: "paper",
  reconstructionHidden: 2048,
  projectionHidden: 4096,
  projectionOutput: 256,
  prototypes: 65_536,
  decoderWidth: 512,
  decoderDepth: 8,
  decoderHeads: 16,
  corruption: "noise+replace",
  corruptionRatio: 0.7,
  replaceRatio: 0.3,
  minimumRatio: 0.5,
  blockMinimum: 0.05,
  blockMaximum: 0.25,
  alignment: 1,
  maskRatio: 0.75,
  maskUnit: 0,
  tileRows: 3,
  permutations: 1000,
  reconstruction: "masked-l1",
  pixelNormalization: "patch",
  contrast: "teacher",
  alpha: 5,
  localWeight: 0.1,
  temperature: 0.2,
  teacherTemperature: 0.04,
  finalTeacherTemperature: 0.04,
  teacherWarmupEpochs: 0,
  frozenEpochs: 1,
  patchEmbedding: "trained",
  clusters: 1000,
  views: "standard",
  cropScale: 0.2,
  flip: 0.5,
  solarize: 0.2,
  localCrops: 8,
  localSize: 0,
  localCropScale: 0.05,
  relationViews: 4,
  epochs: 3000,
  batchSize: 64,
  learningRate: 5e-4,
  finalLearningRate: 1e-6,
  warmupEpochs: 10,
  weightDecay: 0.04,
  finalWeightDecay: 0.1,
  beta2: 0.999,
  momentum: 0.996,
  precision: "float32",
  clip: 3,
  checkpointEvery: 10,
  checkpointSteps: 0,
  checkpointMinutes: 15,
  keepCheckpoints: 2,
  skipNotFinite: 0,
  badImages: 0.1,
  badTestImages: 0,
  workerTimeout: 300,
  // "DeiT's fine-tuning defaults", and the classifier of the official code.
  ...recipes.deit,
  finetuneBatchSize: 64,
  classifier: "two-layer",
  pool: "token+mean",
  neighbours: 20,
  weights: "student",
  watchEvery: 10,
  watchImages: 2500,
  watchShare: 0.02,
  pictures: 5,
  tensorboard: "on",
};

/** SiT on ImageNet-1K: as above, with equal weights of both losses and 800 epochs. */
const paperImagenet: Settings = { ...paperSmall, alpha: 1, epochs: 800 };

/**
 * `npm run demo` on the native engine: 28 x 28 grey images, two cores, well under 15 minutes. It differs from the
 * paper where a few minutes ask for it: a milder corruption and crop, alpha 1 and a higher learning rate learn
 * faster in a short run (`docs/results` says what was tried).
 */
const demo: Settings = {
  ...paperSmall,
  images: 20_000,
  imageSize: 28,
  channels: 1,
  statistics: "dataset",
  patchSize: 4,
  width: 64,
  depth: 4,
  heads: 4,
  dropPath: 0,
  initialization: "xavier",
  headVariant: "official",
  reconstructionHidden: 64,
  projectionHidden: 512,
  projectionOutput: 128,
  prototypes: 1024,
  decoderWidth: 64,
  decoderDepth: 2,
  decoderHeads: 4,
  permutations: 24,
  clusters: 100,
  localCrops: 4,
  corruptionRatio: 0.4,
  alpha: 1,
  views: "small",
  cropScale: 0.5,
  solarize: 0,
  epochs: 8,
  batchSize: 64,
  learningRate: 8e-3,
  finalLearningRate: 1e-5,
  warmupEpochs: 0.5,
  momentum: 0.99,
  checkpointEvery: 2,
  ...recipes.plain,
  finetuneEpochs: 50,
  finetuneBatchSize: 50,
  finetuneLearningRate: 8e-3,
  finetuneCropScale: 0.6,
  classifier: "linear",
  pool: "token",
  watchEvery: 1,
};

/** The demo where only a portable engine is to be had: a smaller network on fewer images. */
const demoPortable: Settings = {
  ...demo,
  images: 3_000,
  patchSize: 7,
  width: 64,
  depth: 3,
  reconstructionHidden: 64,
  projectionHidden: 128,
  epochs: 8,
  finetuneSteps: 60,
};

/** The demo on colour images of CIFAR-10's size: the same network and run. */
const demoColor: Settings = { ...demo, imageSize: 32, channels: 3 };

const demoColorPortable: Settings = { ...demoPortable, imageSize: 32, channels: 3, patchSize: 8 };

/** The demo's experiment on more images, a quarter of an hour a seed: `npm run results`, `docs/results`. */
const long: Settings = { ...demo, images: 30_000, epochs: 7 };

/**
 * `sit compare`: so little of it that eight methods with three seeds take half an hour on two cores. Patches are larger
 * than the demo's: a third of the tokens, so that all methods see more images in the same time.
 */
const compare: Settings = { ...demo, images: 10_000, patchSize: 7, epochs: 5, finetuneEpochs: 30 };

const compareColor: Settings = { ...compare, imageSize: 32, channels: 3, patchSize: 8 };

/** Named groups of settings. */
export const presets = {
  demo,
  "demo-portable": demoPortable,
  "demo-color": demoColor,
  "demo-color-portable": demoColorPortable,
  long,
  compare,
  "compare-color": compareColor,
  "paper-small": paperSmall,
  "paper-imagenet": paperImagenet,
} as const satisfies Readonly<Record<string, Settings>>;

export type PresetName = keyof typeof presets;

/** Which values of a method go with a preset: those of its paper, or those for small images and short runs. */
const presetKinds: Readonly<Record<PresetName, "paper" | "small">> = {
  demo: "small",
  "demo-portable": "small",
  "demo-color": "small",
  "demo-color-portable": "small",
  long: "small",
  compare: "small",
  "compare-color": "small",
  "paper-small": "paper",
  "paper-imagenet": "paper",
};

/** The settings of a preset for a method. */
export function presetFor(preset: PresetName, method: MethodName): Settings {
  return { ...presets[preset], ...methodPlans[method][presetKinds[preset]], method };
}

/** What takes a preset's place on a portable engine. */
export const portablePresets: Readonly<Partial<Record<PresetName, PresetName>>> = {
  demo: "demo-portable",
  "demo-color": "demo-color-portable",
};

export const presetNames = Object.keys(presets) as PresetName[];
