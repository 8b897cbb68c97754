import { type ClassificationLoss, withGradient } from "@sitjs/core";
import { requireOption } from "@sitjs/core/errors";
import * as tf from "@tensorflow/tfjs";
import { requireShape } from "./shapes.js";

export interface SigmoidCrossEntropyOptions {
  /** Share of each target that is moved to 1/2, in [0, 1); default 0. */
  readonly labelSmoothing?: number;
}

/**
 * Binary cross-entropy of each class by itself, for images that show any number of classes. Takes targets
 * [batch, classes] from 0 to 1; one outside of that, such as 255 or -1, is not counted.
 *
 * @throws SitError "bad-option" for the option, "bad-shape" from `loss`
 */
export function sigmoidCrossEntropy({
  labelSmoothing = 0,
}: SigmoidCrossEntropyOptions = {}): ClassificationLoss {
  const share = labelSmoothing >= 0 && labelSmoothing < 1;
  requireOption(share, "labelSmoothing", "a number in [0, 1)", labelSmoothing);
  return {
    name: "sigmoid-cross-entropy",
    settings: { labelSmoothing },
    loss: (logits, labels) => sigmoidCrossEntropyLoss(logits, labels as tf.Tensor2D, labelSmoothing),
  };
}

/**
 * Mean over the targets that count of `-t · log σ(z) - (1 - t) · log(1 - σ(z))`, safe for logits of any finite size; 0
 * where none counts. No gradient goes to the targets; the one to the logits is `(σ(z) - t) / counted`, 0 where a target
 * does not count.
 *
 * @param logits [batch, classes]
 * @param targets [batch, classes], of any type; those outside of 0 to 1 do not count
 * @param labelSmoothing share of each target that is moved to 1/2
 * @returns a scalar; log 2 where all logits are 0
 * @throws SitError "bad-shape"
 */
export function sigmoidCrossEntropyLoss(
  logits: tf.Tensor2D,
  targets: tf.Tensor2D,
  labelSmoothing = 0,
): tf.Scalar {
  requireShape(logits.rank === 2 && logits.size > 0, "logits", "[batch, classes]", logits);
  const shape = logits.shape.join(", ");
  requireShape(targets.rank === 2 && targets.shape.join(", ") === shape, "labels", `[${shape}]`, targets);
  return tf.tidy(() => {
    const given = tf.cast(targets, "float32");
    const inRange = tf.logicalAnd(tf.greaterEqual(given, 0), tf.lessEqual(given, 1));
    const counts = tf.cast(inRange, "float32");
    // Clipped, so that what does not count cannot make a product infinite.
    const plain = tf.clipByValue(given, 0, 1);
    const smooth =
      labelSmoothing === 0 ? plain : tf.add(tf.mul(plain, 1 - labelSmoothing), labelSmoothing / 2);
    const weights = tf.div(counts, tf.maximum(tf.sum(counts), 1)); // [batch, classes]
    return withGradient<tf.Scalar>(
      [logits],
      () => {
        // log(1 + exp(-|z|)) is at most log 2: exp cannot overflow.
        const rest = tf.log1p(tf.exp(tf.neg(tf.abs(logits))));
        const each = tf.add(tf.sub(tf.relu(logits), tf.mul(logits, smooth)), rest);
        const value = tf.sum(tf.mul(each, weights)) as tf.Scalar;
        return { value, save: [tf.mul(tf.sub(tf.sigmoid(logits), smooth), weights)] };
      },
      (dy, saved) => [tf.mul(saved[0] as tf.Tensor, dy)],
    );
  });
}
