import type { Backbone, Params, Part, RandomStream } from "@sitjs/core";
import type * as tf from "@tensorflow/tfjs";
import type { ImageBatch } from "./loader.js";
import type { Recipe } from "./recipe.js";

/** What one forward pass of the student gives. */
export interface MethodLoss {
  /** What is minimised. */
  readonly loss: tf.Scalar;
  /** Its parts and what is measured beside it, such as an accuracy, by name, for logs. */
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

/** Where in its run a step is. */
export interface RunPosition {
  /** From 0. */
  readonly step: number;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  /** From 0. */
  readonly epoch: number;
}

/** A batch, and what a method may look at to make it ready; everything is borrowed. */
export interface PrepareInput {
  /** [batch, height, width, channels] each; sizes may differ from view to view. */
  readonly views: readonly tf.Tensor4D[];
  /** Which images these are, where the loader says so. */
  readonly indices?: Int32Array | undefined;
  /** Of the images, where the loader has them; only methods with supervision look. */
  readonly labels?: Int32Array | undefined;
  /** In their place, where an image may show several classes: [batch, classes], see `ImageBatch`. */
  readonly targets?: Uint8Array | undefined;
  readonly student: Params;
  readonly teacher: Params | undefined;
  readonly rng: RandomStream;
  readonly position: RunPosition;
}

/** What a method may look at before an epoch; everything is borrowed. */
export interface EpochInput {
  readonly student: Params;
  readonly position: RunPosition;
  readonly rng: RandomStream;
  /** The epoch's own batches in their order, to go through once: with these views the student is trained next. */
  batches(): AsyncIterable<ImageBatch>;
}

/** A picture of what a method reconstructs; all [batch, height, width, channels], normalised as the input. */
export interface Reconstruction {
  readonly corrupted: tf.Tensor4D;
  /** 1 channel, 1 = corrupted. */
  readonly mask: tf.Tensor4D;
  readonly reconstruction: tf.Tensor4D;
}

/** A way to train: everything that differs between SiT, MAE, DINO, supervised training and the others. */
export interface Method extends Part {
  readonly backbone: Backbone;
  /** Where the backbone's parameters lie among the method's: a prefix such as "backbone.". */
  readonly backbonePrefix: string;
  /** The number of views it wants of each image. */
  readonly views: number;
  /** How its paper trains it: the defaults of `pretrain`. */
  readonly recipe?: Recipe;
  /** New student parameters and buffers. */
  init(rng: RandomStream): Params;
  /** The teacher's first parameters from the student's (tensors may be shared), or undefined for no teacher. */
  initTeacher(student: Params): Params | undefined;
  /**
   * For how many of a run's first updates (steps that are not skipped) a parameter stays as it is, with no gradient and
   * no weight decay: 0 for most, infinity for one that is never trained. Left out: 0 for all.
   */
  frozenSteps?(name: string, run: Pick<RunPosition, "totalSteps" | "stepsPerEpoch">): number;
  /**
   * What must be known of all images of an epoch before its first step, such as pseudo-labels: new values, which belong
   * to the caller, of some of the student's parameters and buffers.
   */
  startEpoch?(input: EpochInput): Promise<Params>;
  /** Corruption and targets of one batch; called outside the tape, inside `tf.tidy`. */
  prepare(input: PrepareInput): PreparedStep;
  /** Reconstructs images, where the method does such a thing. */
  reconstruct?(student: Params, images: tf.Tensor4D, rng: RandomStream): Reconstruction;
}
