import {
  type Backbone,
  type ClassificationLoss,
  type Params,
  type PartSettings,
  type RandomStream,
  SitError,
  type TokenHead,
  withoutPrefix,
  withPrefix,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { Method } from "../method.js";
import { sitRecipe } from "../recipe.js";
import { BACKBONE, classToken, encode, headAndLoss, initBackbone } from "./tokens.js";

/** From features of an image to logits of classes, and what compares them with the right ones. */
export interface ClassTaskOptions {
  /** Gives one logit for each class. */
  readonly head: TokenHead;
  /** For example `crossEntropy()`. */
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
   * @throws SitError "bad-option" where a label has no output of the head
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
      requireOutputs(output.shape[1], labels);
      return {
        loss: loss.loss(output, labels),
        accuracy: accuracyOf(output, labels),
        buffers: withPrefix(prefix, buffers),
      };
    },
  };
}

/** Losses take a row without a target for one that adds nothing. The labels come from the host: no device is waited for. */
function requireOutputs(outputs: number, labels: tf.Tensor1D): void {
  const highest = labels.dataSync<"int32">().reduce((a, b) => Math.max(a, b), 0);
  if (highest >= outputs) {
    throw new SitError(
      "bad-option",
      `head: expected an output for each class, so at least ${highest + 1}, got ${outputs}`,
    );
  }
}

/** The share of rows whose largest logit is that of their class; nothing on the way has a gradient. */
function accuracyOf(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => tf.mean(tf.cast(tf.equal(tf.argMax(logits, 1), labels), "float32")));
}

export interface ClassMethodOptions extends ClassTaskOptions {
  readonly backbone: Backbone;
}

/** What a pretext task makes of a batch. */
export interface MadeImages {
  /** [samples x members, height, width, channels]: the images of the first sample, of the second, … */
  readonly images: tf.Tensor4D;
  /** int32 [samples] */
  readonly labels: tf.Tensor1D;
}

/**
 * Images are made of one view, each goes through the backbone by itself, and the class-like tokens of each sample's
 * images, side by side [samples, members x width], go into the head, which tells the class: no teacher, no other task.
 *
 * @param ofImages what the method's settings say of `make`
 */
export function classMethod(
  name: string,
  options: ClassMethodOptions,
  ofImages: PartSettings,
  make: (view: tf.Tensor4D, rng: RandomStream) => MadeImages,
): Method {
  const { backbone } = options;
  const task = classTask(options);
  return {
    name,
    backbone,
    backbonePrefix: BACKBONE,
    views: 1,
    recipe: sitRecipe,
    settings: { ...ofImages, ...headAndLoss(options) },

    init: (rng) => ({
      ...initBackbone(backbone, rng),
      ...task.init(rng.fork("head")),
    }),

    initTeacher: () => undefined,

    prepare({ views, rng }) {
      const { images, labels } = make(views[0] as tf.Tensor4D, rng.fork(name));
      return {
        teacherBuffers: {},
        loss(student) {
          const context = { train: true, rng: rng.fork("drop path") };
          const tokens = classToken(encode(backbone, student, images, context));
          const features = tf.reshape(tokens, [labels.size, -1]) as tf.Tensor2D;
          const { loss, accuracy, buffers } = task.loss(student, features, labels);
          return { loss, parts: { accuracy }, buffers };
        },
      };
    },
  };
}
