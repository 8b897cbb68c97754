import { type PairLoss, type RelationPairs, requireOption, tidy } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { requireShape } from "./shapes.js";

export interface RelationOptions {
  /** Exponent of the focal weight, at least 0; 0 is plain binary cross-entropy. Default 2, as in the official code. */
  readonly gamma?: number;
}

/**
 * The loss of relational reasoning (Patacchiola and Storkey 2020, "Self-supervised relational reasoning for
 * representation learning"). See `binaryFocalLoss`.
 *
 * @throws SitError "bad-option" for gamma, "bad-shape" from `loss`
 */
export function relation({ gamma = 2 }: RelationOptions = {}): PairLoss {
  requireOption(Number.isFinite(gamma) && gamma >= 0, "gamma", "a finite number, at least 0", gamma);
  return {
    name: "relation",
    settings: { gamma },
    loss: (logits, labels) => binaryFocalLoss(logits, labels, gamma),
  };
}

/**
 * Mean over pairs of `-(1 - p)^gamma · log p`, p the probability given to the right answer (Lin et al. 2017, "Focal loss
 * for dense object detection"), safe for logits of any finite size. The constant 1/2 that the relational reasoning
 * paper puts in front is left out, so that gamma 0 is binary cross-entropy.
 *
 * @param logits [pairs] or [pairs, 1]
 * @param labels [pairs], 1 or 0; no gradient goes to them
 * @returns a scalar; log 2 / 2^gamma where all logits are 0
 * @throws SitError "bad-shape"
 */
export function binaryFocalLoss(
  logits: tf.Tensor1D | tf.Tensor2D,
  labels: tf.Tensor1D,
  gamma: number,
): tf.Scalar {
  const pairs = logits.shape[0] ?? 0;
  const flat = logits.rank === 1 || (logits.rank === 2 && logits.shape[1] === 1);
  requireShape(flat && pairs > 0, "logits", "[pairs] or [pairs, 1]", logits);
  requireShape(labels.rank === 1 && labels.shape[0] === pairs, "labels", `[${pairs}]`, labels);
  return tf.tidy(() => {
    const sign = tf.sub(tf.mul(tf.cast(labels, "float32"), 2), 1);
    const right = tf.mul(tf.reshape(logits, [pairs]), sign); // the right answer's logit
    const crossEntropy = tf.softplus(tf.neg(right));
    if (gamma === 0) return tf.mean(crossEntropy) as tf.Scalar;
    // (1 - p)^gamma without a power, whose gradient is not a number where 1 - p is 0.
    const weight = tf.exp(tf.mul(tf.softplus(right), -gamma));
    return tf.mean(tf.mul(weight, crossEntropy)) as tf.Scalar;
  });
}

/**
 * All pairs of two views of the same image, and as many of two images: for those the second view's images are turned
 * by one place for the first pair of views, by two for the next, never by none (Patacchiola and Storkey 2020).
 *
 * @param features [views x batch, features]: all images' first view, the second, …
 * @param views at least 2
 * @returns views x (views - 1) x batch pairs: those of the same image first
 * @throws SitError "bad-option" for the views; "bad-shape", also for a batch of one image
 */
export function relationPairs(features: tf.Tensor2D, views: number): RelationPairs {
  requireOption(Number.isInteger(views) && views >= 2, "views", "a whole number, at least 2", views);
  const batch = (features.shape[0] ?? 0) / views;
  requireShape(
    features.rank === 2 && Number.isInteger(batch) && batch >= 2,
    "features",
    `[${views} x batch, features] with 2 images or more`,
    features,
  );
  return tidy(() => {
    const byView = tf.split(features, views) as tf.Tensor2D[];
    const same: tf.Tensor[] = [];
    const another: tf.Tensor[] = [];
    let shift = 1;
    for (const [i, one] of byView.entries()) {
      for (const other of byView.slice(i + 1)) {
        same.push(tf.concat([one, other], 1));
        another.push(tf.concat([one, rolled(other, shift)], 1));
        shift = shift + 1 < batch ? shift + 1 : 1;
      }
    }
    const count = same.length * batch;
    return {
      pairs: tf.concat([...same, ...another]) as tf.Tensor2D,
      labels: tf.concat([tf.ones([count]), tf.zeros([count])]) as tf.Tensor1D,
    };
  });
}
relationPairs.settings = { name: "relation-pairs" };

/** Rows moved on by `shift` places, the last ones to the front. By slices: a gather has no gradient on wasm. */
function rolled(rows: tf.Tensor2D, shift: number): tf.Tensor2D {
  const start = rows.shape[0] - shift;
  return tf.concat([tf.slice(rows, [start, 0]), tf.slice(rows, [0, 0], [start, -1])]) as tf.Tensor2D;
}
