import { SitError } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { LabelledFeatures } from "./labelled-features.js";
import { requireLabels } from "./metrics.js";

/** Rows of length 1, [rows, size]; a row of zeros stays one. */
export function unitRows(features: Float32Array, rows: number, size: number): tf.Tensor2D {
  return tf.tidy(() => {
    const x = tf.tensor2d(features, [rows, size]);
    return tf.div(x, tf.maximum(tf.norm(x, 2, 1, true), 1e-12));
  });
}

/** A row for each label, [rows, classes]: 1 for its class, 0 for the others. */
export function oneHotRows(labels: Int32Array, classes: number): tf.Tensor2D {
  // Not `tf.oneHot`, of which the wasm engine gives other values as float32.
  const values = new Float32Array(labels.length * classes);
  labels.forEach((label, row) => {
    values[row * classes + label] = 1;
  });
  return tf.tensor2d(values, [labels.length, classes]);
}

/** @throws SitError "bad-shape" where features are not as many as they say, "bad-option" for labels that are no class */
export function requireSameFeatures(
  what: string,
  train: LabelledFeatures,
  test: LabelledFeatures,
  classes: number,
): void {
  for (const [which, { features, labels, size }] of Object.entries({ train, test })) {
    if (features.length === labels.length * size) continue;
    const expected = `${labels.length} x ${size} features`;
    throw new SitError("bad-shape", `${what} ${which}: expected ${expected}, got ${features.length} values`);
  }
  if (train.size !== test.size) {
    throw new SitError("bad-shape", `${what}: expected features of size ${train.size}, got ${test.size}`);
  }
  requireLabels("train.labels", train.labels, classes);
  requireLabels("test.labels", test.labels, classes);
}

/** Some of the rows, in the order named. */
export function pickRows(
  { features, size, labels }: LabelledFeatures,
  rows: ArrayLike<number>,
): LabelledFeatures {
  const chosen = new Float32Array(rows.length * size);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    chosen.set(features.subarray(row * size, (row + 1) * size), i * size);
  }
  return { features: chosen, size, labels: Int32Array.from(rows, (row) => labels[row] as number) };
}
