import { requireOption, SitError } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { LabelledFeatures } from "./labelled-features.js";
import { accuracy, predictions, requireLabels } from "./metrics.js";
import { unitRows } from "./rows.js";

export interface KnnResult {
  /** Fraction of test rows. */
  readonly top1: number;
  /** Among the best min(5, k) classes. */
  readonly top5: number;
  /** [rows x classes] sum of exp(similarity / temperature) of the k nearest, by class. */
  readonly scores: Float32Array;
  readonly predictions: Int32Array;
}

/**
 * Weighted k-nearest-neighbour classification by cosine similarity (Wu et al. 2018, as in DINO): each of the `k`
 * nearest training rows votes exp(similarity / temperature) for its class.
 *
 * Works with any number of classes and test rows; a `k` above the number of training rows means all of them.
 *
 * @param options `k` (default 20), `temperature` (default 0.07), `classes` (default: what both labels name)
 * @throws SitError "bad-option" for the options and for labels that are no class (-1: none), "bad-shape" for sizes
 */
export async function knn(
  train: LabelledFeatures,
  test: LabelledFeatures,
  options: { k?: number; temperature?: number; classes?: number } = {},
): Promise<KnnResult> {
  const { temperature = 0.07 } = options;
  const rows = train.labels.length;
  requireOption(rows > 0, "train", "at least one labelled row", rows);
  requireOption(temperature > 0, "temperature", "a number above 0", temperature);
  requireRows("train", train);
  requireRows("test", test);
  if (train.size !== test.size) {
    throw new SitError("bad-shape", `knn: expected features of size ${train.size}, got ${test.size}`);
  }
  const k = Math.min(options.k ?? 20, rows);
  requireOption(Number.isInteger(k) && k >= 1, "k", "a whole number of at least 1", options.k);
  const largest = (labels: Int32Array) => labels.reduce((a, b) => Math.max(a, b), 0);
  const classes = options.classes ?? 1 + Math.max(largest(train.labels), largest(test.labels));
  requireLabels("train.labels", train.labels, classes);
  requireLabels("test.labels", test.labels, classes);
  const count = test.labels.length;
  const scores = new Float32Array(count * classes);
  const bank = tf.tidy(() => tf.transpose(unitRows(train.features, rows, train.size)));
  try {
    // About 16 million similarities at a time.
    const chunk = Math.max(1, Math.floor(2 ** 24 / rows));
    for (let start = 0; start < count; start += chunk) {
      const end = Math.min(count, start + chunk);
      const { values, indices } = tf.tidy(() => {
        const query = unitRows(
          test.features.subarray(start * test.size, end * test.size),
          end - start,
          test.size,
        );
        return tf.topk(tf.matMul(query, bank), k);
      });
      const [near, which] = [await values.data(), await indices.data()];
      values.dispose();
      indices.dispose();
      for (let row = 0; row < end - start; row++) {
        for (let n = row * k; n < (row + 1) * k; n++) {
          const at = (start + row) * classes + (train.labels[which[n] as number] as number);
          scores[at] = (scores[at] as number) + Math.exp((near[n] as number) / temperature);
        }
      }
    }
  } finally {
    bank.dispose();
  }
  // As in DINO: fewer than 5 neighbours cannot name 5 classes, and those without a vote are no guess.
  const [top1, top5] = accuracy(scores, test.labels, classes, [1, Math.min(5, k)]) as [number, number];
  return { top1, top5, scores, predictions: predictions(scores, classes) };
}

function requireRows(which: string, { features, size, labels }: LabelledFeatures): void {
  if (features.length === labels.length * size) return;
  throw new SitError(
    "bad-shape",
    `knn ${which}: expected ${labels.length} x ${size} features, got ${features.length} values`,
  );
}
