import * as tf from "@tensorflow/tfjs";
import type { LabelledFeatures } from "./labelled-features.js";
import { oneHotRows, requireSameFeatures, unitRows } from "./rows.js";

/**
 * Cosine of each query with the mean of each class's rows (Snell et al. 2017, with cosine as in Wang et al. 2019):
 * scores [queries x classes]; a class without rows gets -1.
 *
 * @throws SitError "bad-option" for labels that are no class, "bad-shape" for sizes
 */
export async function nearestMean(
  support: LabelledFeatures,
  queries: LabelledFeatures,
  { classes }: { readonly classes: number },
): Promise<Float32Array> {
  requireSameFeatures("nearest mean", support, queries, classes);
  const empty = Array.from({ length: classes }, (_, c) => !support.labels.includes(c));
  const scores = tf.tidy(() => {
    const rows = unitRows(support.features, support.labels.length, support.size);
    const sums = tf.matMul(oneHotRows(support.labels, classes), rows, true);
    // The length of a mean does not matter: its direction is that of the sum.
    const means = tf.div(sums, tf.maximum(tf.norm(sums, 2, 1, true), 1e-12)) as tf.Tensor2D;
    const at = unitRows(queries.features, queries.labels.length, queries.size);
    return tf.matMul(at, tf.transpose(means));
  });
  const values = (await scores.data()) as Float32Array;
  scores.dispose();
  return values.map((value, i) => (empty[i % classes] ? -1 : value));
}
