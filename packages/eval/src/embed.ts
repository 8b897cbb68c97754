import { type Backbone, type Params, requireOption, SitError } from "@sitjs/core";
import type { BatchSource } from "@sitjs/train";
import * as tf from "@tensorflow/tfjs";
import { type MeanAveragePrecision, meanAveragePrecision } from "./average-precision.js";
import { requireTargetSize } from "./batch-targets.js";
import type { Classifier } from "./classifier.js";
import type { LabelledFeatures } from "./labelled-features.js";
import { accuracy } from "./metrics.js";

/** Which tokens make the feature vector; the paper's k-NN and t-SNE use the class-like token. */
export type FeatureKind = "token" | "mean" | "token+mean";

/** What is taken of a network as an image's features. */
export interface FeatureOptions {
  /** Default "token". */
  readonly features?: FeatureKind;
  /**
   * Of how many of the last blocks, each after the final norm, joined in the blocks' order (default 1; DINO's linear
   * probe takes the class tokens of 4).
   */
  readonly layers?: number;
}

/**
 * Feature vectors of every image of the loader, in its order. Labels are -1 where the loader has none.
 * @throws SitError "bad-option" for more layers than there are, "not-finite"
 */
export async function embed(
  backbone: Backbone,
  params: Params,
  loader: BatchSource,
  options: FeatureOptions & { readonly onBatch?: (done: number, steps: number) => void } = {},
): Promise<LabelledFeatures> {
  return collect(loader, options.onBatch, (images) => imageFeatures(backbone, params, images, options));
}

/**
 * Feature vectors of a batch [batch, height, width, channels]: [batch, width x layers], twice that for "token+mean".
 * Call inside `tf.tidy`: what it makes on the way is left to that.
 * @throws SitError "bad-option" for more layers than there are
 */
export function imageFeatures(
  backbone: Backbone,
  params: Params,
  images: tf.Tensor4D,
  { features: kind = "token", layers = 1 }: FeatureOptions = {},
): tf.Tensor2D {
  const possible = Number.isSafeInteger(layers) && layers >= 1 && layers <= backbone.depth;
  requireOption(possible, "layers", `a whole number from 1 to ${backbone.depth}, the blocks`, layers);
  const several = layers > 1;
  const { tokens, blocks } = backbone.apply(params, images, {
    train: false,
    ...(several && { blocks: "normalized" }),
  });
  if (!several) return pooled(tokens, kind);
  if (blocks.length < layers) {
    const name = `layers: expected 1 for ${backbone.name}, which gives no outputs of its blocks`;
    throw new SitError("bad-option", `${name}, got ${layers}`);
  }
  return tf.concat2d(
    blocks.slice(-layers).map((block) => pooled(block, kind)),
    1,
  );
}

function pooled(tokens: tf.Tensor3D, kind: FeatureKind): tf.Tensor2D {
  const token = tf.squeeze(tf.slice3d(tokens, [0, 0, 0], [-1, 1, -1]), [1]) as tf.Tensor2D;
  if (kind === "token") return token;
  const mean = tf.mean(tf.slice3d(tokens, [0, 1, 0], [-1, -1, -1]), 1) as tf.Tensor2D;
  return kind === "mean" ? mean : tf.concat2d([token, mean], 1);
}

export interface Evaluation {
  /** Fractions of the images. */
  readonly top1: number;
  readonly top5: number;
  /** [images x classes] */
  readonly logits: Float32Array;
  readonly labels: Int32Array;
}

/** Accuracy (a fraction) and logits over every image of the loader. */
export async function evaluate(
  model: Classifier,
  params: Params,
  loader: BatchSource,
  options: { onBatch?: (done: number, steps: number) => void } = {},
): Promise<Evaluation> {
  return await evaluateWith(
    loader,
    model.head.classes,
    (images) => model.apply(params, images, { train: false }).output,
    options.onBatch,
  );
}

/** As `evaluate`, by anything that gives logits [batch, classes]. */
export async function evaluateWith(
  loader: BatchSource,
  classes: number,
  logitsOf: (images: tf.Tensor4D) => tf.Tensor2D,
  onBatch?: (done: number, steps: number) => void,
): Promise<Evaluation> {
  const { features, labels } = await collect(loader, onBatch, logitsOf);
  if (labels.some((label) => label < 0)) {
    throw new SitError("bad-option", "evaluate: expected a loader with labels, got one without");
  }
  const [top1, top5] = accuracy(features, labels, classes, [1, 5]) as [number, number];
  return { top1, top5, logits: features, labels };
}

/**
 * Average precision of each class over every image of a loader with targets, and the logits.
 *
 * @throws SitError "bad-option" where the loader has no targets or those of another number of classes; "not-finite"
 */
export async function evaluateTargets(
  model: Classifier,
  params: Params,
  loader: BatchSource,
  options: { onBatch?: (done: number, steps: number) => void } = {},
): Promise<MeanAveragePrecision & { readonly logits: Float32Array; readonly targets: Uint8Array }> {
  const { features, targets, labels } = await collect(
    loader,
    options.onBatch,
    (images) => model.apply(params, images, { train: false }).output,
  );
  if (targets === undefined) {
    throw new SitError("bad-option", "evaluateTargets: expected a loader with targets, got one without");
  }
  const { classes } = model.head;
  requireTargetSize(targets, labels.length, classes);
  return { ...meanAveragePrecision(features, targets, classes), logits: features, targets };
}

/** Runs `f` over all batches and joins its rows, with the labels or targets. */
export async function collect(
  loader: BatchSource,
  onBatch: ((done: number, steps: number) => void) | undefined,
  f: (images: tf.Tensor4D) => tf.Tensor2D,
): Promise<LabelledFeatures> {
  const parts: Float32Array[] = [];
  const labels: number[] = [];
  const targets: Uint8Array[] = [];
  let size = 0;
  for await (const batch of loader.range(0, loader.stepsPerEpoch)) {
    const view = batch.views[0];
    if (view === undefined)
      throw new SitError("bad-option", "loader: expected one view of each image, got none");
    const rows = tf.tidy(() => f(tf.tensor4d(view.data, [...view.shape])));
    const values = (await rows.data()) as Float32Array;
    size = rows.shape[1];
    rows.dispose();
    requireFiniteRows(values, size);
    parts.push(values);
    for (let i = 0; i < view.shape[0]; i++) labels.push(batch.labels?.[i] ?? -1);
    if (batch.targets) targets.push(batch.targets);
    onBatch?.(batch.step + 1, loader.stepsPerEpoch);
  }
  const features = joined(parts, (length) => new Float32Array(length));
  const found = { features, size, labels: Int32Array.from(labels) };
  if (targets.length === 0) return found;
  return { ...found, targets: joined(targets, (length) => new Uint8Array(length)) };
}

/**
 * Throws where a network gives no numbers for an image: whatever is computed of them would look like a result.
 * @throws SitError "not-finite"
 */
export function requireFiniteRows(values: Float32Array, size: number): void {
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  const where = `row ${Math.floor(at / size)} of a batch`;
  throw new SitError("not-finite", `expected finite outputs of the network, got ${values[at]} in ${where}`, {
    mend: "Its weights are damaged, or too large for this precision.",
  });
}

function joined<T extends Float32Array | Uint8Array>(parts: readonly T[], make: (length: number) => T): T {
  const all = make(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
