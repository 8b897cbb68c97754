/** Every setting of a run, by name; what each means is in `definitions`. */
export interface Settings {
  images: number;
  imageSize: number;
  channels: 1 | 3;
  statistics: "dataset" | "imagenet";
  patchSize: number;
  width: number;
  depth: number;
  heads: number;
  mlpRatio: number;
  dropPath: number;
  positions: "learned" | "sincos";
  initialization: "truncated-normal" | "xavier";
  headVariant: "paper" | "official";
  reconstructionHidden: number;
  projectionHidden: number;
  projectionOutput: number;
  corruption: CorruptionKind;
  corruptionRatio: number;
  replaceRatio: number;
  blockMinimum: number;
  blockMaximum: number;
  alignment: number;
  reconstruction: "masked-l1" | "masked-l2" | "l1" | "l2" | "none";
  contrast: "teacher" | "self" | "none";
  alpha: number;
  temperature: number;
  views: "standard" | "small";
  cropScale: number;
  flip: number;
  solarize: number;
  epochs: number;
  batchSize: number;
  learningRate: number;
  finalLearningRate: number;
  warmupEpochs: number;
  weightDecay: number;
  finalWeightDecay: number;
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
  layerDecay: number;
  labelSmoothing: number;
  classifier: "linear" | "two-layer";
  neighbours: number;
  weights: "student" | "teacher";
}

export type CorruptionKind =
  | "zeros"
  | "noise"
  | "replace"
  | "zeros+replace"
  | "noise+replace"
  | "rand"
  | "none";

/** What a value may be. */
export type Kind =
  | { readonly type: "whole"; readonly minimum: number }
  | { readonly type: "number"; readonly minimum: number; readonly maximum: number }
  | { readonly type: "choice"; readonly choices: readonly (string | number)[] };

/** Which commands take a setting. */
export type Group =
  | "data"
  | "model"
  | "corruption"
  | "pretraining"
  | "precision"
  | "saving"
  | "faults"
  | "test faults"
  | "fine-tuning"
  | "weights"
  | "neighbours";

export interface Definition {
  readonly group: Group;
  readonly kind: Kind;
  readonly help: string;
}

const whole = (minimum = 1): Kind => ({ type: "whole", minimum });
const within = (minimum: number, maximum: number): Kind => ({ type: "number", minimum, maximum });
const choice = (...choices: (string | number)[]): Kind => ({ type: "choice", choices });
const any = Number.POSITIVE_INFINITY;

/** Kind and meaning of every setting: options, help, checks and presets all come from here. */
export const definitions: { readonly [Name in keyof Settings]: Definition } = {
  images: {
    group: "data",
    kind: whole(0),
    help: "unlabelled images to pretrain on, drawn by the seed; 0: all",
  },
  imageSize: { group: "model", kind: whole(), help: "side of the images, pixels" },
  channels: { group: "model", kind: choice(1, 3), help: "1: grey, 3: colour" },
  statistics: {
    group: "model",
    kind: choice("dataset", "imagenet"),
    help: "whose mean and deviation normalise the pixels",
  },
  patchSize: { group: "model", kind: whole(), help: "side of a patch, pixels; divides the image size" },
  width: { group: "model", kind: whole(), help: "features of a token" },
  depth: { group: "model", kind: whole(), help: "number of blocks" },
  heads: { group: "model", kind: whole(), help: "attention heads; divide the width" },
  mlpRatio: { group: "model", kind: within(0.1, any), help: "hidden features of a block over its width" },
  dropPath: { group: "model", kind: within(0, 0.99), help: "stochastic depth of the last block" },
  positions: { group: "model", kind: choice("learned", "sincos"), help: "position embeddings" },
  initialization: {
    group: "model",
    kind: choice("truncated-normal", "xavier"),
    help: "how linear layers start: deviation 0.02, or by their size, better for narrow networks",
  },
  headVariant: {
    group: "model",
    kind: choice("paper", "official"),
    help: "both heads as in the paper or its code",
  },
  reconstructionHidden: { group: "model", kind: whole(), help: "hidden features of the reconstruction head" },
  projectionHidden: { group: "model", kind: whole(), help: "hidden features of the contrastive head" },
  projectionOutput: { group: "model", kind: whole(), help: "features of the contrastive embedding" },
  corruption: {
    group: "corruption",
    kind: choice("zeros", "noise", "replace", "zeros+replace", "noise+replace", "rand", "none"),
    help: "what corrupted blocks hold",
  },
  corruptionRatio: {
    group: "corruption",
    kind: within(0.01, 1),
    help: "largest corrupted share by zeros, noise or rand",
  },
  replaceRatio: { group: "corruption", kind: within(0.01, 1), help: "largest corrupted share by replace" },
  blockMinimum: {
    group: "corruption",
    kind: within(0.001, 1),
    help: "smallest side of a block, share of the image",
  },
  blockMaximum: {
    group: "corruption",
    kind: within(0.001, 1),
    help: "largest side of a block, share of the image",
  },
  alignment: {
    group: "corruption",
    kind: whole(),
    help: "pixels that block borders are multiples of; 1: not aligned",
  },
  reconstruction: {
    group: "pretraining",
    kind: choice("masked-l1", "masked-l2", "l1", "l2", "none"),
    help: "reconstruction loss",
  },
  contrast: {
    group: "pretraining",
    kind: choice("teacher", "self", "none"),
    help: "contrast with a momentum teacher on clean views, between the student's own views, or none",
  },
  alpha: { group: "pretraining", kind: within(0, any), help: "weight of the reconstruction" },
  temperature: { group: "pretraining", kind: within(0.001, any), help: "temperature of the contrast" },
  views: {
    group: "pretraining",
    kind: choice("standard", "small"),
    help: "augmentation of the paper, or for pictures of about 32 pixels",
  },
  cropScale: { group: "pretraining", kind: within(0.01, 1), help: "smallest share of the area a crop keeps" },
  flip: { group: "pretraining", kind: within(0, 1), help: "probability of a mirror image" },
  solarize: { group: "pretraining", kind: within(0, 1), help: "probability of solarising the second view" },
  epochs: { group: "pretraining", kind: whole(), help: "passes over the images" },
  batchSize: { group: "pretraining", kind: whole(2), help: "images in a step (each in two views)" },
  learningRate: {
    group: "pretraining",
    kind: within(0, any),
    help: "peak learning rate for a batch of 256, scaled to the batch",
  },
  finalLearningRate: { group: "pretraining", kind: within(0, any), help: "where its cosine ends" },
  warmupEpochs: {
    group: "pretraining",
    kind: within(0, any),
    help: "linear warm-up, at most a tenth of the run",
  },
  weightDecay: { group: "pretraining", kind: within(0, any), help: "weight decay at the start" },
  finalWeightDecay: {
    group: "pretraining",
    kind: within(0, any),
    help: "weight decay at the end of its cosine",
  },
  momentum: {
    group: "pretraining",
    kind: within(0, 1),
    help: "momentum of the teacher at the start; goes to 1",
  },
  precision: {
    group: "precision",
    kind: choice("float32", "bfloat16"),
    help: "precision of matrix products; bfloat16 is faster",
  },
  clip: {
    group: "pretraining",
    kind: within(0, any),
    help: "gradient norm of each parameter; 0: not clipped",
  },
  checkpointEvery: { group: "saving", kind: whole(0), help: "epochs between checkpoints; 0: not by epochs" },
  checkpointSteps: { group: "saving", kind: whole(0), help: "steps between checkpoints; 0: not by steps" },
  checkpointMinutes: {
    group: "saving",
    kind: within(0, any),
    help: "minutes between checkpoints; 0: not by time",
  },
  keepCheckpoints: { group: "saving", kind: whole(), help: "latest checkpoints kept, beside the best" },
  skipNotFinite: {
    group: "saving",
    kind: whole(0),
    help: "batches that may be left out since their loss is not finite",
  },
  badImages: {
    group: "faults",
    kind: within(0, 1),
    help: "largest share of unreadable training images to go on without",
  },
  badTestImages: {
    group: "test faults",
    kind: within(0, 1),
    help: "largest share of unreadable test images to go on without",
  },
  workerTimeout: {
    group: "faults",
    kind: within(0, 604_800),
    help: "seconds after which a thread that reads no further image is replaced; 0: never",
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
    kind: within(0, any),
    help: "peak learning rate for a batch of 256, scaled to the batch",
  },
  finetuneWeightDecay: { group: "fine-tuning", kind: within(0, any), help: "weight decay" },
  finetuneCropScale: {
    group: "fine-tuning",
    kind: within(0.01, 1),
    help: "smallest share of the area a crop keeps",
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
    help: "linear on the token, or two layers on the token and the mean of the patches",
  },
  neighbours: { group: "neighbours", kind: whole(), help: "neighbours that vote in k-NN" },
  weights: {
    group: "weights",
    kind: choice("student", "teacher"),
    help: "which of the pretrained networks is used",
  },
};

/** Those that decide how a run is saved and what it puts up with, and change nothing of its result. */
const harmlessGroups: ReadonlySet<Group> = new Set<Group>(["saving", "faults", "test faults"]);

/** True for a setting that a run may go on with changed. */
export function isHarmless(name: keyof Settings): boolean {
  return harmlessGroups.has(definitions[name].group);
}

export const settingNames = Object.keys(definitions) as (keyof Settings)[];
