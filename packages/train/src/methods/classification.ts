import {
  type ClassificationLoss,
  type Params,
  type RandomStream,
  type TokenHead,
  withoutPrefix,
  withPrefix,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";

/** From features of an image to logits of classes, and what compares them with the right ones. */
export interface ClassTaskOptions {
  /** Gives one logit for each class. */
  readonly head: TokenHead;
  readonly loss: ClassificationLoss;
}

/** Telling classes that a method makes up itself, as a part of it. */
export interface ClassTask {
  /** Its parameters, under the prefix. */
  init(rng: RandomStream): Params;
  /**
   * The loss in training.
   *
   * @param features [batch, features]
   * @param labels int32 [batch]
   * @returns also the share of the batch that is told right, and the head's new buffers under the prefix
   */
  loss(
    student: Params,
    features: tf.Tensor2D,
    labels: tf.Tensor1D,
  ): { readonly loss: tf.Scalar; readonly accuracy: tf.Scalar; readonly buffers: Params };
}

/** @param prefix of its parameters */
export function classTask({ head, loss }: ClassTaskOptions, prefix = "head."): ClassTask {
  return {
    init: (rng) => withPrefix(prefix, head.init(rng)),
    loss(student, features, labels) {
      const { output, buffers } = head.apply(withoutPrefix(prefix, student), features, { train: true });
      return {
        loss: loss.loss(output, labels),
        accuracy: accuracyOf(output, labels),
        buffers: withPrefix(prefix, buffers),
      };
    },
  };
}

/** The share of rows whose largest logit is that of their class; nothing on the way has a gradient. */
function accuracyOf(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => tf.mean(tf.cast(tf.equal(tf.argMax(logits, 1), labels), "float32")));
}
