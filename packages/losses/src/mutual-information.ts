import { type MutualInformationLoss, matMul2d, requireOption } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { leftOut } from "./left-out.js";
import { requireShape } from "./shapes.js";

/** How mutual information is bounded from below: both estimators of Deep InfoMax that train well. */
export type MutualInformationEstimator = "jensen-shannon" | "info-nce";

const estimators: Readonly<Record<MutualInformationEstimator, (scores: tf.Tensor3D) => tf.Scalar>> = {
  "jensen-shannon": jensenShannonLoss,
  "info-nce": scoreInfoNceLoss,
};

export interface InfoMaxOptions {
  /** Default "jensen-shannon", which asks less of the batch's size; "info-nce" is better with many images. */
  readonly estimator?: MutualInformationEstimator;
}

/**
 * Deep InfoMax (Hjelm et al. 2019, "Learning deep representations by mutual information estimation and maximization"),
 * global and local, with the inner product as the score of a pair: pairs of the same image are told from pairs of two
 * images of the batch. For another score see `jensenShannonLoss` and `scoreInfoNceLoss`. Prior matching is not part of it.
 *
 * @throws SitError "bad-option" for the estimator; from `loss` "bad-shape", also for a batch of one image
 */
export function infoMax({ estimator = "jensen-shannon" }: InfoMaxOptions = {}): MutualInformationLoss {
  const known = Object.hasOwn(estimators, estimator);
  requireOption(known, "estimator", '"jensen-shannon" or "info-nce"', estimator);
  return {
    name: `info-max(${estimator})`,
    settings: { estimator },
    loss: (summary, others) => tf.tidy(() => estimators[estimator](pairScores(summary, others))),
  };
}

/**
 * Inner products of every image's summary with the features of every image: [i, j, m] is that of image i with location
 * m of image j.
 *
 * @param summary [batch, features]
 * @param others [batch, features] (one location), or [batch, locations, features]
 * @returns [batch, batch, locations]
 * @throws SitError "bad-shape"
 */
export function pairScores(summary: tf.Tensor2D, others: tf.Tensor2D | tf.Tensor3D): tf.Tensor3D {
  requireShape(summary.rank === 2 && summary.size > 0, "summary", "[batch, features]", summary);
  const [batch, features] = summary.shape;
  requireShape(
    (others.rank === 2 || others.rank === 3) &&
      others.size > 0 &&
      others.shape[0] === batch &&
      others.shape[others.rank - 1] === features,
    "others",
    `[${batch}, ${features}] or [${batch}, locations, ${features}]`,
    others,
  );
  return tf.tidy(() => {
    const rows = tf.reshape(others, [-1, features]) as tf.Tensor2D;
    return tf.reshape(matMul2d(summary, rows, false, true), [batch, batch, -1]) as tf.Tensor3D;
  });
}

/**
 * Minus the Jensen-Shannon estimate (Hjelm et al. 2019, equation 4): `mean softplus(-s)` over pairs of the same image
 * plus `mean softplus(s)` over pairs of two.
 *
 * @param scores [batch, batch, locations], as `pairScores` gives them
 * @returns a scalar at least 0; 2 log 2 where all scores are 0
 * @throws SitError "bad-shape"
 */
export function jensenShannonLoss(scores: tf.Tensor3D): tf.Scalar {
  const [batch, locations] = requireScores(scores);
  return tf.tidy(() => {
    const same = tf.reshape(tf.eye(batch), [batch, batch, 1]);
    const positive = tf.sum(tf.mul(tf.softplus(tf.neg(scores)), same));
    const negative = tf.sum(tf.mul(tf.softplus(scores), tf.sub(1, same)));
    const mean = tf.add(positive, tf.div(negative, batch - 1));
    return tf.div(mean, batch * locations) as tf.Scalar;
  });
}

/**
 * Minus the InfoNCE estimate (Hjelm et al. 2019, equation 5): for each location of an image, the cross-entropy of its
 * score among itself and the scores of the image's summary with all locations of all other images. (The official code
 * also has the image's own other locations among them, with a weight of e⁻¹⁰.)
 *
 * @param scores [batch, batch, locations], as `pairScores` gives them
 * @returns a scalar at least 0; log(1 + (batch - 1) x locations) where all scores are equal
 * @throws SitError "bad-shape"
 */
export function scoreInfoNceLoss(scores: tf.Tensor3D): tf.Scalar {
  const [batch] = requireScores(scores);
  return tf.tidy(() => {
    const same = tf.reshape(tf.eye(batch), [batch, batch, 1]);
    const positives = tf.sum(tf.mul(scores, same), 1); // [batch, locations]
    const negatives = tf.logSumExp(tf.add(scores, tf.mul(same, leftOut)), [1, 2], true);
    // log(eˢ + Σ eⁿ) - s, without a row of all candidates for each location.
    return tf.mean(tf.softplus(tf.sub(tf.reshape(negatives, [batch, 1]), positives))) as tf.Scalar;
  });
}

function requireScores(scores: tf.Tensor3D): [batch: number, locations: number] {
  const [batch = 0, other = 0, locations = 0] = scores.shape;
  requireShape(
    scores.rank === 3 && batch === other && batch >= 2 && locations >= 1,
    "scores",
    "[batch, batch, locations] with 2 images or more",
    scores,
  );
  return [batch, locations];
}
