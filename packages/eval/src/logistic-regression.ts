import { requireOption } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { LabelledFeatures } from "./labelled-features.js";
import { oneHotRows, requireSameFeatures, unitRows } from "./rows.js";

export interface LogisticRegressionOptions {
  readonly classes: number;
  /**
   * Weight of the rows beside the squared weights, as scikit-learn's `C` (default 1): the sum of the cross-entropies times
   * it, and half the squared weights, not the biases, are minimised together.
   */
  readonly strength?: number;
  /** Ends where no partial derivative of the mean is larger (default 1e-5). */
  readonly tolerance?: number;
  /** Default 2000. */
  readonly maximumSteps?: number;
}

/**
 * Multinomial logistic regression with an L2 penalty on features of length 1, all rows at once: probabilities
 * [queries x classes]. The problem has one solution, found by accelerated gradient descent that starts anew where it runs
 * uphill (O'Donoghue and Candès 2015).
 *
 * @throws SitError "bad-option" for options and labels that are no class, "bad-shape" for sizes
 */
export async function logisticRegression(
  support: LabelledFeatures,
  queries: LabelledFeatures,
  { classes, strength = 1, tolerance = 1e-5, maximumSteps = 2000 }: LogisticRegressionOptions,
): Promise<Float32Array> {
  requireOption(strength > 0, "strength", "a number above 0", strength);
  requireOption(tolerance > 0, "tolerance", "a number above 0", tolerance);
  requireSameFeatures("logistic regression", support, queries, classes);
  const count = support.labels.length;
  requireOption(count > 0, "train", "at least one labelled row", count);
  const penalty = 1 / (strength * count);
  const { x, target, decay } = tf.tidy(() => ({
    x: withOnes(unitRows(support.features, count, support.size)),
    target: oneHotRows(support.labels, classes),
    // Every weight is drawn to zero, the biases in the last row are not.
    decay: tf.tensor2d(
      Float32Array.from({ length: support.size + 1 }, (_, i) => (i < support.size ? penalty : 0)),
      [support.size + 1, 1],
    ),
  }));
  // Curvature of the softmax is at most a half, of rows of length √2 (features and the one) at most 1.
  const rate = 1 / (1 + penalty);
  let weights = tf.zeros([support.size + 1, classes]) as tf.Tensor2D;
  let ahead = weights.clone();
  try {
    for (let [step, age] = [0, 1]; step < maximumSteps; step++) {
      const nextAge = (1 + Math.sqrt(1 + 4 * age ** 2)) / 2;
      const share = (age - 1) / nextAge;
      const { next, further, told } = tf.tidy(() => {
        const error = tf.sub(tf.softmax(tf.matMul(x, ahead)), target) as tf.Tensor2D;
        const gradient = tf.add(tf.div(tf.matMul(x, error, true), count), tf.mul(ahead, decay));
        const next = tf.sub(ahead, tf.mul(gradient, rate)) as tf.Tensor2D;
        const moved = tf.sub(next, weights);
        const further = tf.add(next, tf.mul(moved, share)) as tf.Tensor2D;
        const told = tf.stack([tf.max(tf.abs(gradient)), tf.sum(tf.mul(gradient, moved))]);
        return { next, further, told };
      });
      const [steepest, uphill] = (await told.data()) as unknown as [number, number];
      tf.dispose([weights, ahead, told]);
      weights = next;
      if (uphill > 0) {
        further.dispose();
        ahead = next.clone();
        age = 1;
      } else {
        ahead = further;
        age = nextAge;
      }
      if (steepest < tolerance) break;
    }
    const probabilities = tf.tidy(() => {
      const at = withOnes(unitRows(queries.features, queries.labels.length, queries.size));
      return tf.softmax(tf.matMul(at, weights));
    });
    const values = (await probabilities.data()) as Float32Array;
    probabilities.dispose();
    return values;
  } finally {
    tf.dispose([x, target, decay, weights, ahead]);
  }
}

function withOnes(rows: tf.Tensor2D): tf.Tensor2D {
  return tf.concat2d([rows, tf.ones([rows.shape[0], 1])], 1);
}
