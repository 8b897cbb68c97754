import { type ClassificationLoss, withGradient } from "@sitjs/core";
import { requireOption, SitError } from "@sitjs/core/errors";
import * as tf from "@tensorflow/tfjs";
import { requireShape } from "./shapes.js";

export interface CrossEntropyOptions {
  /** Share of each target spread evenly over all classes (Szegedy et al. 2016), in [0, 1); default 0. */
  readonly labelSmoothing?: number;
}

/**
 * Softmax cross-entropy, the mean over the batch. Class numbers outside 0 … classes - 1 are not looked at here
 * (that would wait for the device): such a row has no target and adds nothing.
 *
 * @throws SitError "bad-option" for the option, "bad-shape" from `loss`, "bad-option" from `loss` where labels
 * of rank 1 are not int32
 */
export function crossEntropy({ labelSmoothing = 0 }: CrossEntropyOptions = {}): ClassificationLoss {
  requireOption(
    labelSmoothing >= 0 && labelSmoothing < 1,
    "labelSmoothing",
    "a number in [0, 1)",
    labelSmoothing,
  );
  return {
    name: "cross-entropy",
    settings: { labelSmoothing },
    loss(logits, labels) {
      requireLogits(logits);
      const [batch, classes] = logits.shape;
      return tf.tidy(() => {
        const targets = labels.rank === 1 ? classTargets(labels, batch, classes) : tf.cast(labels, "float32");
        const smooth =
          labelSmoothing === 0
            ? targets
            : tf.add(tf.mul(targets, 1 - labelSmoothing), labelSmoothing / classes);
        return softmaxCrossEntropy(logits, smooth as tf.Tensor2D);
      });
    },
  };
}

/**
 * Mean over rows of `-Σ target · log softmax(logits)`, safe for logits of any finite size. No gradient goes to
 * the targets; the one to the logits is `(softmax · Σ target - target) / rows`.
 *
 * @param logits, targets [rows, classes] alike
 * @returns a scalar
 * @throws SitError "bad-shape"
 */
export function softmaxCrossEntropy(logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Scalar {
  requireLogits(logits);
  const rows = logits.shape[0];
  requireShape(
    targets.shape.join() === logits.shape.join(),
    "labels",
    `[${logits.shape.join(", ")}]`,
    targets,
  );
  return tf.tidy(() =>
    withGradient<tf.Scalar>(
      [logits],
      () => {
        const shifted = tf.sub(logits, tf.max(logits, 1, true)); // at most 0: exp cannot overflow
        const exponentials = tf.exp(shifted);
        const total = tf.sum(exponentials, 1, true); // [rows, 1], at least 1: log cannot fail
        const logProbabilities = tf.sub(shifted, tf.log(total));
        const value = tf.mul(tf.sum(tf.mul(targets, logProbabilities)), -1 / rows) as tf.Scalar;
        return { value, save: [tf.div(exponentials, total), targets] };
      },
      (dy, saved) => {
        const [probabilities, savedTargets] = saved as [tf.Tensor, tf.Tensor];
        const expected = tf.mul(probabilities, tf.sum(savedTargets, 1, true));
        return [tf.mul(tf.sub(expected, savedTargets), tf.div(dy, rows))];
      },
    ),
  );
}

/** [rows, classes], 1 in each row's class; a row without one, where the number is no class, is all 0. */
export function oneHot(classNumbers: tf.Tensor, classes: number): tf.Tensor2D {
  // By comparison: tf.oneHot on wasm writes integers' bits into floats and does not mind its bounds.
  return tf.tidy(() => {
    const isClass = tf.equal(tf.reshape(classNumbers, [-1, 1]), tf.range(0, classes, 1, "int32"));
    return tf.cast(isClass, "float32");
  }) as tf.Tensor2D;
}

function classTargets(labels: tf.Tensor, batch: number, classes: number): tf.Tensor2D {
  requireShape(labels.shape[0] === batch, "labels", `[${batch}]`, labels);
  if (labels.dtype !== "int32") {
    throw new SitError("bad-option", `labels: expected int32 class numbers, got ${labels.dtype}`);
  }
  return oneHot(labels, classes);
}

function requireLogits(logits: tf.Tensor): void {
  requireShape(logits.rank === 2 && logits.size > 0, "logits", "[batch, classes]", logits);
}
