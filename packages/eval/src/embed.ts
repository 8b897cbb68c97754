import { type Backbone, type Params, SitError } from "@sitjs/core";
import type { BatchSource } from "@sitjs/train";
import * as tf from "@tensorflow/tfjs";
import { type MeanAveragePrecision, meanAveragePrecision } from "./average-precision.js";
import { requireTargetSize } from "./batch-targets.js";
import type { Classifier } from "./classifier.js";
import type { LabelledFeatures } from "./knn.js";
import { accuracy } from "./metrics.js";

/** Which tokens make the feature vector; the paper's k-NN and t-SNE use the class-like token. */
export type FeatureKind = "token" | "mean" | "token+mean";

/** Feature vectors of every image of the loader, in its order. Labels are -1 where the loader has none. */
export async function embed(
  backbone: Backbone,
  params: Params,
  loader: BatchSource,
  options: { features?: FeatureKind; onBatch?: (done: number, steps: number) => void } = {},
): Promise<LabelledFeatures> {
  const { features: kind = "token", onBatch } = options;
  return collect(loader, onBatch, (images) => {
    const { tokens } = backbone.apply(params, images, { train: false });
    const token = tf.squeeze(tf.slice3d(tokens, [0, 0, 0], [-1, 1, -1]), [1]) as tf.Tensor2D;
    if (kind === "token") return token;
    const mean = tf.mean(tf.slice3d(tokens, [0, 1, 0], [-1, -1, -1]), 1) as tf.Tensor2D;
    return kind === "mean" ? mean : tf.concat2d([token, mean], 1);
  });
}

/** Accuracy (a fraction) and logits over every image of the loader. */
export async function evaluate(
  model: Classifier,
  params: Params,
  loader: BatchSource,
  options: { onBatch?: (done: number, steps: number) => void } = {},
): Promise<{ top1: number; top5: number; logits: Float32Array; labels: Int32Array }> {
  const { features, labels } = await collect(
    loader,
    options.onBatch,
    (images) => model.apply(params, images, { train: false }).output,
  );
  if (labels.some((label) => label < 0)) {
    throw new SitError("bad-option", "evaluate: expected a loader with labels, got one without");
  }
  const [top1, top5] = accuracy(features, labels, model.head.classes, [1, 5]) as [number, number];
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
    parts.push((await rows.data()) as Float32Array);
    size = rows.shape[1];
    rows.dispose();
    for (let i = 0; i < view.shape[0]; i++) labels.push(batch.labels?.[i] ?? -1);
    if (batch.targets) targets.push(batch.targets);
    onBatch?.(batch.step + 1, loader.stepsPerEpoch);
  }
  const features = joined(parts, (length) => new Float32Array(length));
  const found = { features, size, labels: Int32Array.from(labels) };
  if (targets.length === 0) return found;
  return { ...found, targets: joined(targets, (length) => new Uint8Array(length)) };
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
