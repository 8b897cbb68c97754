import {
  disposeParams,
  type Params,
  param,
  type RandomStream,
  randomStream,
  requireOption,
  SitError,
  tidy,
  truncatedNormal,
} from "@sitjs/core";
import { cosineSchedule, type Optimizer, sgd } from "@sitjs/train";
import * as tf from "@tensorflow/tfjs";
import type { LabelledFeatures } from "./labelled-features.js";
import { accuracy, predictions, requireLabels } from "./metrics.js";
import { oneHotRows } from "./rows.js";

export interface LinearProbeOptions {
  /** Passes over the training rows (default 90, MAE and MoCo v3). */
  readonly epochs?: number;
  /** Rows in a step (default 256, at most all). */
  readonly batchSize?: number;
  /** Peak learning rate for a batch of 256, scaled to the batch (default 0.1, MAE's); a cosine takes it to 0. */
  readonly learningRate?: number;
  /** Of the gradients, Nesterov's not (default 0.9). */
  readonly momentum?: number;
  /** Default: `sgd` with the momentum above; `lars` is MAE's, for large batches and rates. */
  readonly optimizer?: Optimizer;
  /** Default: what both labels name. */
  readonly classes?: number;
  /** Of the order of the rows (default 0). */
  readonly seed?: number;
  /** Looked at once an epoch. */
  readonly signal?: AbortSignal | undefined;
}

export interface LinearProbeResult {
  /** Fractions of the test rows. */
  readonly top1: number;
  readonly top5: number;
  /** [rows x classes] of the test rows. */
  readonly logits: Float32Array;
  readonly predictions: Int32Array;
  /** Mean cross-entropy of the last epoch's training rows. */
  readonly loss: number;
}

/**
 * Linear classification of frozen features: batch normalisation without scale and shift (epsilon 1e-6, statistics of all
 * training rows), then one layer that starts at zero, by stochastic gradient descent with momentum and without weight
 * decay (He et al. 2022, "Masked Autoencoders Are Scalable Vision Learners", appendix A.1, on features taken once, so
 * without augmentation). With LARS, whose steps are as long as the layer is large, it starts as MAE's (deviation 0.01).
 *
 * @throws SitError "bad-option" for the options and for labels that are no class, "bad-shape" for sizes
 */
export async function linearProbe(
  train: LabelledFeatures,
  test: LabelledFeatures,
  options: LinearProbeOptions = {},
): Promise<LinearProbeResult> {
  const { epochs = 90, learningRate = 0.1, momentum = 0.9, seed = 0, signal } = options;
  const rows = train.labels.length;
  const { size } = train;
  requireOption(rows > 0, "train", "at least one labelled row", rows);
  requireSize("train", train);
  requireSize("test", test);
  if (test.size !== size) {
    throw new SitError("bad-shape", `linear probe: expected features of size ${size}, got ${test.size}`);
  }
  requireOption(Number.isInteger(epochs) && epochs > 0, "epochs", "a whole number above 0", epochs);
  requireOption(learningRate > 0, "learningRate", "a number above 0", learningRate);
  const optimizer = options.optimizer ?? sgd({ momentum });
  const batchSize = Math.min(options.batchSize ?? 256, rows);
  requireOption(
    Number.isInteger(batchSize) && batchSize > 0,
    "batchSize",
    "a whole number above 0",
    batchSize,
  );
  const largest = (labels: Int32Array) => labels.reduce((a, b) => Math.max(a, b), 0);
  const classes = options.classes ?? 1 + Math.max(largest(train.labels), largest(test.labels));
  requireLabels("train.labels", train.labels, classes);
  requireLabels("test.labels", test.labels, classes);

  const statistics = columnStatistics(train);
  const inputs = standardized(train, statistics);
  const steps = Math.floor(rows / batchSize);
  const rate = cosineSchedule({
    base: (learningRate * batchSize) / 256,
    final: 0,
    steps: epochs * steps,
    warmupSteps: 0,
  });
  const stream = randomStream(seed, "linear-probe");
  let layer = firstLayer(size, classes, optimizer, stream.fork("init"));
  let loss = Number.NaN;
  try {
    for (let epoch = 0; epoch < epochs; epoch++) {
      signal?.throwIfAborted();
      const order = stream.fork(epoch).permutation(rows);
      let sum: tf.Scalar = tf.scalar(0);
      for (let step = 0; step < steps; step++) {
        const chosen = order.subarray(step * batchSize, (step + 1) * batchSize);
        const at = epoch * steps + step;
        const next = descend(layer, batchOf(inputs, train.labels, chosen, size), optimizer, at, rate(at));
        dispose(layer);
        layer = next.layer;
        const total = tf.tidy(() => tf.add(sum, next.loss) as tf.Scalar);
        sum.dispose();
        next.loss.dispose();
        sum = total;
      }
      // Waiting once an epoch keeps the device's queue short.
      loss = ((await sum.data())[0] as number) / steps;
      sum.dispose();
    }
    const logits = await logitsOf(layer, standardized(test, statistics), test.labels.length, size);
    const [top1, top5] = accuracy(logits, test.labels, classes, [1, 5]) as [number, number];
    return { top1, top5, logits, predictions: predictions(logits, classes), loss };
  } finally {
    dispose(layer);
  }
}

const EPSILON = 1e-6;

/** Mean and 1 / sqrt(variance + epsilon) of each feature. */
function columnStatistics({ features, size, labels }: LabelledFeatures) {
  const mean = new Float64Array(size);
  const square = new Float64Array(size);
  const rows = labels.length;
  for (let i = 0; i < features.length; i++) {
    const at = i % size;
    mean[at] = (mean[at] as number) + (features[i] as number) / rows;
  }
  for (let i = 0; i < features.length; i++) {
    const at = i % size;
    square[at] = (square[at] as number) + ((features[i] as number) - (mean[at] as number)) ** 2 / rows;
  }
  return { mean, scale: square.map((variance) => 1 / Math.sqrt(variance + EPSILON)) };
}

function standardized(
  { features, size }: LabelledFeatures,
  { mean, scale }: ReturnType<typeof columnStatistics>,
): Float32Array {
  return features.map((value, i) => (value - (mean[i % size] as number)) * (scale[i % size] as number));
}

interface Batch {
  readonly inputs: Float32Array;
  readonly labels: Int32Array;
}

function batchOf(inputs: Float32Array, labels: Int32Array, rows: Uint32Array, size: number): Batch {
  const chosen = new Float32Array(rows.length * size);
  rows.forEach((row, i) => {
    chosen.set(inputs.subarray(row * size, (row + 1) * size), i * size);
  });
  return { inputs: chosen, labels: Int32Array.from(rows, (row) => labels[row] as number) };
}

interface Layer {
  /** `weight` [size, classes] and `bias` [classes]. */
  readonly params: Params;
  readonly state: Params;
}

function firstLayer(size: number, classes: number, optimizer: Optimizer, rng: RandomStream): Layer {
  const shape: [number, number] = [size, classes];
  const weight = optimizer.name === "lars" ? truncatedNormal(rng, shape, 0.01) : tf.zeros(shape);
  const params = { weight, bias: tf.zeros([classes]) };
  return { params, state: optimizer.init(params) };
}

function dispose({ params, state }: Layer): void {
  disposeParams(params);
  disposeParams(state);
}

/** One step of gradient descent; the cross-entropy's gradient to the logits is softmax minus target, over the rows. */
function descend(
  { params, state }: Layer,
  { inputs, labels }: Batch,
  optimizer: Optimizer,
  step: number,
  learningRate: number,
): { layer: Layer; loss: tf.Scalar } {
  const [weight, bias] = [param<tf.Tensor2D>(params, "weight"), param(params, "bias")];
  const [size, classes] = weight.shape;
  const rows = labels.length;
  return tidy(() => {
    const x = tf.tensor2d(inputs, [rows, size]);
    const target = oneHotRows(labels, classes);
    const logProbabilities = tf.logSoftmax(tf.add(tf.matMul(x, weight), bias) as tf.Tensor2D);
    const error = tf.div(tf.sub(tf.exp(logProbabilities), target), rows) as tf.Tensor2D;
    const loss = tf.mul(tf.sum(tf.mul(target, logProbabilities)), -1 / rows) as tf.Scalar;
    const gradients = { weight: tf.matMul(x, error, true), bias: tf.sum(error, 0) };
    const layer = optimizer.update({ params, gradients, state, step, learningRate, weightDecay: 0 });
    return { layer, loss };
  });
}

async function logitsOf(
  { params }: Layer,
  inputs: Float32Array,
  rows: number,
  size: number,
): Promise<Float32Array> {
  const logits = tf.tidy(() =>
    tf.add(
      tf.matMul(tf.tensor2d(inputs, [rows, size]), param<tf.Tensor2D>(params, "weight")),
      param(params, "bias"),
    ),
  );
  const values = (await logits.data()) as Float32Array;
  logits.dispose();
  return values;
}

function requireSize(which: string, { features, size, labels }: LabelledFeatures): void {
  if (features.length === labels.length * size) return;
  throw new SitError(
    "bad-shape",
    `${which}: expected ${labels.length} x ${size} features, got ${features.length} values`,
  );
}
