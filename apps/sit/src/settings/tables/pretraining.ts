import { choice, type Definition, whole, within } from "../definition.js";

/** What it learns from, and how. */
export const pretrainingDefinitions = {
  images: {
    group: "data",
    kind: whole(0),
    help: "unlabelled images to pretrain on, drawn by the seed; 0: all",
  },
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
  minimumRatio: {
    group: "corruption",
    kind: within(0, 1),
    help: "smallest corrupted share, where the largest is not smaller; 1: always the largest",
  },
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
  maskRatio: { group: "corruption", kind: within(0.01, 0.99), help: "share of the patches that are hidden" },
  maskUnit: {
    group: "corruption",
    kind: whole(0),
    help: "side of what is hidden as one, pixels; 0: about a seventh of the image",
  },
  tileRows: { group: "corruption", kind: whole(2), help: "rows and columns of tiles" },
  permutations: { group: "corruption", kind: whole(2), help: "orders of the tiles to tell apart" },
  reconstruction: {
    group: "pretraining",
    kind: choice("masked-l1", "masked-l2", "l1", "l2", "none"),
    help: "reconstruction loss",
  },
  pixelNormalization: {
    group: "pretraining",
    kind: choice("patch", "none"),
    help: "whether the pixels to predict have the mean and deviation of their patch taken out",
  },
  contrast: {
    group: "pretraining",
    kind: choice("teacher", "self", "none"),
    help: "contrast with a momentum teacher on clean views, between the student's own views, or none",
  },
  alpha: {
    group: "pretraining",
    kind: within(0),
    help: "weight of the reconstruction; with deep-infomax of the global term",
  },
  localWeight: { group: "pretraining", kind: within(0), help: "weight of the local term" },
  temperature: {
    group: "pretraining",
    kind: within(0.001),
    help: "temperature of the contrast",
  },
  teacherTemperature: {
    group: "pretraining",
    kind: within(0.001),
    help: "temperature of the teacher at the start",
  },
  finalTeacherTemperature: {
    group: "pretraining",
    kind: within(0.001),
    help: "temperature of the teacher after its warm-up",
  },
  teacherWarmupEpochs: {
    group: "pretraining",
    kind: whole(0),
    help: "epochs in which it goes from one to the other",
  },
  frozenEpochs: {
    group: "pretraining",
    kind: whole(0),
    help: "first epochs in which the prototypes stay as they are",
  },
  patchEmbedding: {
    group: "pretraining",
    kind: choice("trained", "frozen"),
    help: "whether the patch embedding learns or stays random",
  },
  clusters: {
    group: "pretraining",
    kind: whole(2),
    help: "clusters that images are put in before each epoch",
  },
  views: {
    group: "pretraining",
    kind: choice("standard", "small"),
    help: "augmentation of the paper, or for pictures of about 32 pixels",
  },
  cropScale: { group: "pretraining", kind: within(0.01, 1), help: "smallest share of the area a crop keeps" },
  flip: { group: "pretraining", kind: within(0, 1), help: "probability of a mirror image" },
  solarize: { group: "pretraining", kind: within(0, 1), help: "probability of solarising the second view" },
  localCrops: {
    group: "pretraining",
    kind: whole(0),
    help: "small crops of each image beside the two large ones",
  },
  localSize: {
    group: "pretraining",
    kind: whole(0),
    help: "side of a small crop, pixels; 0: about three sevenths of the image",
  },
  localCropScale: {
    group: "pretraining",
    kind: within(0.01, 1),
    help: "smallest share of the area a small crop keeps; the largest is what large ones keep at least",
  },
  relationViews: { group: "pretraining", kind: whole(2), help: "views of each image" },
  epochs: { group: "pretraining", kind: whole(), help: "passes over the images" },
  batchSize: { group: "pretraining", kind: whole(2), help: "images in a step, each in all its views" },
  learningRate: {
    group: "pretraining",
    kind: within(0),
    help: "peak learning rate for a batch of 256, scaled to the batch",
  },
  finalLearningRate: {
    group: "pretraining",
    kind: within(0),
    help: "where its cosine ends, for methods with one",
  },
  warmupEpochs: {
    group: "pretraining",
    kind: within(0),
    help: "linear warm-up, at most a tenth of the run",
  },
  weightDecay: { group: "pretraining", kind: within(0), help: "weight decay at the start" },
  finalWeightDecay: {
    group: "pretraining",
    kind: within(0),
    help: "weight decay at the end of its cosine",
  },
  beta2: { group: "pretraining", kind: within(0, 0.9999), help: "decay rate of the second moment of AdamW" },
  momentum: {
    group: "pretraining",
    kind: within(0, 1),
    help: "momentum of the teacher at the start; goes to 1",
  },
  clip: {
    group: "pretraining",
    kind: within(0),
    help: "largest gradient norm of each parameter, with simmim of all together; 0: not clipped",
  },
} as const satisfies Readonly<Record<string, Definition>>;
