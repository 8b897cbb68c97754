import type { Settings } from "./settings.js";

/** What a recipe of fine-tuning decides; the presets decide the rest: batch, classifier, what it sees. */
export type Recipe = Partial<Settings>;

/** No mixing, no RandAugment, no erasing. */
const plain = {
  finetuneRecipe: "plain",
  finetuneFinalLearningRate: 1e-6,
  finetuneWarmupEpochs: 5,
  finetuneClip: 0,
  finetuneDropPath: 0,
  finetuneWeightDecay: 0.05,
  embeddingDecay: "on",
  layerDecay: 0.65,
  labelSmoothing: 0.1,
  mixup: 0,
  cutmix: 0,
  mixProbability: 1,
  mixSwitch: 0.5,
  randAugment: 0,
  randAugmentMagnitude: 9,
  randAugmentDeviation: 0.5,
  erasing: 0,
  erasingFill: "noise",
  averageDecay: 0,
} as const satisfies Recipe;

/**
 * DeiT (Touvron et al. 2021) and its code. Its learning rate is 5e-4 for a batch of 512. It keeps a moving average too,
 * but judges the parameters themselves.
 */
const deit = {
  ...plain,
  finetuneRecipe: "deit",
  finetuneSteps: 0,
  finetuneEpochs: 300,
  finetuneLearningRate: 2.5e-4,
  finetuneFinalLearningRate: 1e-5,
  finetuneCropScale: 0.08,
  finetuneDropPath: 0.1,
  embeddingDecay: "off",
  layerDecay: 1,
  mixup: 0.8,
  cutmix: 1,
  randAugment: 2,
  erasing: 0.25,
} as const satisfies Recipe;

/** MAE's fine-tuning of ViT-B (He et al. 2022) and its code: DeiT's, shorter, with layer decay, on the mean of the patches. */
const mae = {
  ...deit,
  finetuneRecipe: "mae",
  finetuneEpochs: 100,
  finetuneLearningRate: 5e-4,
  finetuneFinalLearningRate: 1e-6,
  layerDecay: 0.65,
  classifier: "linear",
  pool: "mean",
} as const satisfies Recipe;

export const recipes = { plain, deit, mae } as const satisfies Readonly<
  Record<Settings["finetuneRecipe"], Recipe>
>;
