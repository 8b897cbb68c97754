import type { Picture } from "../figures/png.js";
import type { LabelledPoint } from "../figures/scatter.js";
import type { ConfusionMatrix } from "../mistakes.js";

/**
 * All that a report can show: plain JSON beside the pixel arrays of `reconstructions`.
 * Every part may be missing; the report leaves out the sections it has no data for.
 * Accuracies are fractions from 0 to 1, times are seconds.
 */
export interface ReportData {
  /** Heading; default "SiT report". */
  title?: string;
  /** When the run ended, ISO 8601. */
  date?: string;
  /** The command that repeats the run. */
  command?: string;
  seed?: number;
  /** What the reader should know before trusting the numbers: portable engine, smaller preset. */
  warnings?: readonly string[];
  engine?: ReportEngine;
  dataset?: ReportDataset;
  pretrain?: ReportPretraining;
  accuracy?: readonly ReportAccuracy[];
  comparison?: ReportComparison;
  ablation?: ReportAblation;
  multiLabel?: ReportMultiLabel;
  knn?: ReportKnn;
  linear?: ReportLinear;
  fewShot?: readonly ReportFewShot[];
  finetune?: readonly ReportFinetune[];
  mistakes?: readonly ReportMistakes[];
  reconstructions?: readonly ReportReconstructions[];
  embeddings?: readonly ReportEmbedding[];
  /** Images that the run went on without; their paths may hold any character. */
  leftOut?: readonly ReportLeftOut[];
  timings?: readonly { name: string; seconds: number }[];
  peakMemoryMB?: number;
  /** Options by name, in groups: `{ backbone: { width: 64 }, pretrain: { epochs: 20 } }`. */
  settings?: ReportSettings;
  /** Such as `{ cpu: "…", memory: "16 GB" }`. */
  machine?: Readonly<Record<string, string | number>>;
  /** Package or program to version. */
  versions?: Readonly<Record<string, string>>;
}

export type ReportSetting =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly ReportSetting[]
  | ReportSettings;
export interface ReportSettings {
  readonly [name: string]: ReportSetting;
}

export interface ReportEngine {
  /** Such as "@tensorflow/tfjs-node". */
  name: string;
  backend?: string;
  device?: string;
  /** TensorFlow's version. */
  tensorflow?: string;
  cores?: number;
  /** Names of the fused kernels. */
  kernels?: readonly string[];
}

export interface ReportDataset {
  name: string;
  /** Images altogether used. */
  images: number;
  /** Training images whose labels were used. */
  labelled?: number;
  /** Training images used without labels. */
  unlabelled?: number;
  test?: number;
  /** Width, height, channels. */
  imageSize?: readonly [width: number, height: number, channels: number];
  /** Names by class index. */
  classes?: readonly string[];
}

export interface ReportPretraining {
  /** Epochs and steps done. */
  epochs: number;
  steps: number;
  seconds: number;
  imagesPerSecond: number;
  /** Means of each epoch. */
  history: readonly EpochRecord[];
  /** What the parts of the loss tell, for the reader. */
  explanation?: string;
  /** Values of single steps, thinned at will; the report thins them again. */
  stepHistory?: readonly StepRecord[];
}

export interface LearningRecord {
  /** What the method's loss is made of, by name, and what else it tells, such as an accuracy. */
  parts?: Readonly<Record<string, number | null>>;
  learningRate?: number | null;
  imagesPerSecond?: number | null;
}
/** `epoch` counts from 1. */
export interface EpochRecord extends LearningRecord {
  epoch: number;
}
/** `step` counts from 1, over all epochs. */
export interface StepRecord extends LearningRecord {
  step: number;
}

/** Test accuracy of the classifiers trained with `labels` labels. */
export interface ReportAccuracy {
  labels: number;
  scratch?: number;
  pretrained?: number;
}

/** Several methods, each with several seeds. */
export interface ReportComparison {
  seeds: readonly number[];
  rows: readonly ReportComparisonRow[];
}

export interface ReportComparisonRow {
  /** The method. */
  name: string;
  /** How many seeds are done. */
  runs: number;
  knn?: ReportSpread;
  linear?: ReportSpread;
  /** Of classifiers, by the number of labels they were trained with. */
  accuracy: readonly (ReportSpread & { labels: number })[];
  /** Of pretraining, means; none for a network that had no pretraining. */
  seconds?: number;
  imagesPerSecond?: number;
}

/** Comparisons that each answer a question, and what they say of claims. */
export interface ReportAblation {
  axes: readonly (ReportComparison & { title: string; question?: string })[];
  findings: readonly ReportFinding[];
}

export interface ReportFinding {
  claim: string;
  /** Who says so. */
  source?: string;
  verdict: "seen" | "not seen" | "undecided";
  /** Better minus worse in fractions, with the ends of its 95 % interval; null where there is none. */
  measures: readonly {
    measure: string;
    difference: number;
    low: number | null;
    high: number | null;
    verdict: "seen" | "not seen" | "undecided";
  }[];
}

/** Test accuracies of several runs, and their mean and standard deviation. */
export interface ReportSpread {
  values: readonly number[];
  mean: number;
  deviation: number;
}

/** How well images are ordered by what they show, where they show several classes. */
export interface ReportMultiLabel {
  /** Mean average precision; null where no class has a value. */
  mean?: number | null;
  /** What an order at random comes near: the mean share of the images that show a class. */
  guessing?: number | null;
  classes: readonly ReportClassPrecision[];
}

export interface ReportClassPrecision {
  name: string;
  /** Null where no test image shows the class. */
  averagePrecision?: number | null;
  /** Test images that show the class, and those that count for it. */
  positives: number;
  counted: number;
}

export interface ReportKnn {
  before?: number;
  after?: number;
  /** Neighbours that vote. */
  k?: number;
}

/** One fine-tuning run, epoch by epoch. */
export interface ReportFinetune {
  labels: number;
  start: "scratch" | "pretrained";
  history: readonly { epoch: number; loss?: number | null; accuracy?: number | null }[];
}

/** A linear classifier of frozen features. */
export interface ReportLinear {
  top1: number;
  top5: number;
  labels: number;
  epochs: number;
  learningRate: number;
  optimizer: string;
  /** Of which tokens, of how many blocks: "token, last 4 blocks". */
  features: string;
  /** Whether the images were augmented in each epoch. */
  augmented: boolean;
  /** Accuracies on held-out training images of the rates that were tried. */
  tried?: readonly { learningRate: number; top1: number }[];
}

/** Accuracies over draws of a few labels of each class; the interval's ends may go beyond 0 and 1. */
export interface ReportFewShot {
  /** How images were classified, of which network: "nearest class mean". */
  name: string;
  /** Labels of each class. */
  shots: number;
  accuracies: readonly number[];
  mean: number;
  low: number;
  high: number;
}

/** Where one classifier errs on the test images. */
export interface ReportMistakes {
  /** Which classifier, such as "1,000 labels, pretrained". */
  title: string;
  /** Images by true class (rows) and by the class they were given (columns). */
  confusion: ConfusionMatrix;
  /** The worst first. */
  worst?: readonly ReportMistake[];
}

/** An image that was given a wrong class; classes are indices. */
export interface ReportMistake {
  picture: Picture;
  label: number;
  predicted: number;
  /** What the wrong class was given, from 0 to 1. */
  probability: number;
  /** What the image is called: a path, usually. */
  image?: string;
}

export interface ReportLeftOut {
  /** What the image was for, such as "training". */
  part?: string;
  path: string;
  reason: string;
}

/** A grid of pictures with a heading, such as "Training images". */
export interface ReportReconstructions {
  title: string;
  caption?: string;
  rows: readonly ReconstructionRow[];
}

export interface ReconstructionRow {
  /** Such as the class; read out to those who do not see the pictures. */
  label?: string;
  clean: Picture;
  corrupted: Picture;
  /** One channel; 0 kept, anything else corrupted. */
  mask: Picture;
  reconstruction: Picture;
}

/** One scatter plot, such as "Before pretraining". */
export interface ReportEmbedding {
  title: string;
  /** Such as "t-SNE, cosine, 1,000 test images". */
  caption?: string;
  points: readonly LabelledPoint[];
}
