import { choice, type Definition, whole, within } from "../definition.js";

/** How a pretrained network is judged. */
export const judgingDefinitions = {
  finetuneRecipe: {
    group: "fine-tuning",
    kind: choice("plain", "deit", "mae"),
    help: "whose values all settings of fine-tuning have that are not given: a crop and flip alone, DeiT's, or MAE's",
  },
  finetuneSteps: {
    group: "fine-tuning",
    kind: whole(0),
    help: "steps of fine-tuning; 0: as many as the epochs say",
  },
  finetuneEpochs: {
    group: "fine-tuning",
    kind: whole(),
    help: "epochs of fine-tuning, where steps are not given",
  },
  finetuneBatchSize: { group: "fine-tuning", kind: whole(), help: "labelled images in a step" },
  finetuneLearningRate: {
    group: "fine-tuning",
    kind: within(0),
    help: "peak learning rate for a batch of 256, scaled to the batch",
  },
  finetuneFinalLearningRate: {
    group: "fine-tuning",
    kind: within(0),
    help: "where the cosine of the learning rate ends",
  },
  finetuneWarmupEpochs: {
    group: "fine-tuning",
    kind: within(0),
    help: "linear warm-up, at most a tenth of the run",
  },
  finetuneClip: {
    group: "fine-tuning",
    kind: within(0),
    help: "largest gradient norm of all parameters together; 0: not clipped",
  },
  finetuneDropPath: {
    group: "fine-tuning",
    kind: within(0, 0.99),
    help: "stochastic depth of the last block in fine-tuning",
  },
  finetuneWeightDecay: { group: "fine-tuning", kind: within(0), help: "weight decay" },
  finetuneCropScale: {
    group: "fine-tuning",
    kind: within(0.01, 1),
    help: "smallest share of the area a crop keeps",
  },
  embeddingDecay: {
    group: "fine-tuning",
    kind: choice("on", "off"),
    help: "whether the class token and positions decay too",
  },
  mixup: {
    group: "fine-tuning",
    kind: within(0),
    help: "MixUp: both parameters of the beta distribution; 0: none",
  },
  cutmix: {
    group: "fine-tuning",
    kind: within(0),
    help: "CutMix: both parameters of the beta distribution; 0: none",
  },
  mixProbability: {
    group: "fine-tuning",
    kind: within(0, 1),
    help: "probability that a batch is mixed, with mixup or cutmix",
  },
  mixSwitch: {
    group: "fine-tuning",
    kind: within(0, 1),
    help: "probability of CutMix where both are there",
  },
  randAugment: {
    group: "fine-tuning",
    kind: whole(0),
    help: "operations of RandAugment on an image; 0: none",
  },
  randAugmentMagnitude: {
    group: "fine-tuning",
    kind: within(0, 10),
    help: "how strong they are, on a scale to 10",
  },
  randAugmentDeviation: {
    group: "fine-tuning",
    kind: within(0, 10),
    help: "standard deviation of their strength",
  },
  erasing: {
    group: "fine-tuning",
    kind: within(0, 1),
    help: "probability that a rectangle of an image is erased",
  },
  erasingFill: {
    group: "fine-tuning",
    kind: choice("noise", "mean"),
    help: "what is put there: standard normal values, or the mean colour",
  },
  averageDecay: {
    group: "fine-tuning",
    kind: within(0, 0.999999),
    help: "decay of a moving average of the parameters, which is judged in their place; 0: none",
  },
  layerDecay: {
    group: "fine-tuning",
    kind: within(0.01, 1),
    help: "learning rate of a block over the next; from scratch always 1",
  },
  labelSmoothing: { group: "fine-tuning", kind: within(0, 0.99), help: "share of a target spread evenly" },
  classifier: {
    group: "fine-tuning",
    kind: choice("linear", "two-layer"),
    help: "one layer, or two",
  },
  pool: {
    group: "fine-tuning",
    kind: choice("token", "mean", "token+mean"),
    help: "what the classifier sees: class token, mean of the patches, or both; with --classifier alone token, or both of two layers",
  },
  neighbours: { group: "neighbours", kind: whole(), help: "neighbours that vote in k-NN" },
  weights: {
    group: "weights",
    kind: choice("student", "teacher"),
    help: "which of the pretrained networks is used",
  },
} as const satisfies Readonly<Record<string, Definition>>;
