import type { Backbone, Params, RandomStream } from "@sitjs/core";
import type * as tf from "@tensorflow/tfjs";

/** What one forward pass of the student gives. */
export interface MethodLoss {
  /** What is minimised. */
  readonly loss: tf.Scalar;
  /** Its parts, by name, for logs. */
  readonly parts: Readonly<Record<string, tf.Scalar>>;
  /** New values of the student's buffers. */
  readonly buffers: Params;
}

/** One batch made ready outside the gradient tape: corrupted, and with the teacher's targets. */
export interface PreparedStep {
  /** The student's loss; runs on the tape. */
  loss(student: Params): MethodLoss;
  /** New values of the teacher's buffers. */
  readonly teacherBuffers: Params;
}

/** A picture of what a method reconstructs; all [batch, height, width, channels], normalised as the input. */
export interface Reconstruction {
  readonly corrupted: tf.Tensor4D;
  /** 1 channel, 1 = corrupted. */
  readonly mask: tf.Tensor4D;
  readonly reconstruction: tf.Tensor4D;
}

/** A way to train: everything that differs between SiT, MAE, DINO, supervised training and the others. */
export interface Method {
  readonly name: string;
  readonly backbone: Backbone;
  /** Where the backbone's parameters lie among the method's: a prefix such as "backbone.". */
  readonly backbonePrefix: string;
  /** The number of views it wants of each image. */
  readonly views: number;
  /** New student parameters and buffers. */
  init(rng: RandomStream): Params;
  /** The teacher's first parameters from the student's (tensors may be shared), or undefined for no teacher. */
  initTeacher(student: Params): Params | undefined;
  /** Corruption and targets of one batch; called outside the tape, inside `tf.tidy`. */
  prepare(input: {
    views: readonly tf.Tensor4D[];
    /** Of the images, where the loader has them; only methods with supervision look. */
    labels?: Int32Array | undefined;
    teacher: Params | undefined;
    rng: RandomStream;
  }): PreparedStep;
  /** Reconstructs images, where the method does such a thing. */
  reconstruct?(student: Params, images: tf.Tensor4D, rng: RandomStream): Reconstruction;
}
