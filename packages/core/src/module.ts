import type * as tf from "@tensorflow/tfjs";
import type { RandomStream } from "./random.js";

/**
 * Parameters (and buffers, such as running means) of a module: a flat map of dotted names to tensors.
 * Names and layouts are those of PyTorch state dicts: `linear.weight` is [out, in].
 */
export type Params = Readonly<Record<string, tf.Tensor>>;

/** What a module is told beside its input. */
export interface ApplyContext {
  /** Training mode: batch statistics, drop path. */
  readonly train: boolean;
  /** Where drop path and its like draw from; a module that needs it in training throws without it. */
  readonly rng?: RandomStream;
}

/**
 * A pure module: `init` makes parameters, `apply` uses whichever it is given. A momentum teacher is the same
 * `apply` on other parameters. Inputs are borrowed; outputs belong to the caller.
 */
export interface Module<Input, Output> {
  readonly name: string;
  /** New parameters and buffers; the same stream gives the same values. */
  init(rng: RandomStream): Params;
  apply(params: Params, input: Input, context: ApplyContext): Output;
}

/**
 * What a backbone returns; everything a head, a probe or a picture needs. Where it was told to see only some patches
 * (`visible`), "patches" is their number, in the order they were named.
 */
export interface BackboneOutputs {
  /** [batch, 1 + patches, width] after the final layer norm; the class-like token first. */
  readonly tokens: tf.Tensor3D;
  /** Output of each block before the final norm, [batch, 1 + patches, width], the last one last; empty unless asked for. */
  readonly blocks: readonly tf.Tensor3D[];
  /** Attention maps [batch, heads, 1 + patches, 1 + patches] of each block; empty unless asked for. */
  readonly attention: readonly tf.Tensor4D[];
}

export interface BackboneContext extends ApplyContext {
  /** Also return attention maps (slower; default false). */
  readonly attention?: boolean;
  /** Also return each block's output (more memory; default false). */
  readonly blocks?: boolean;
  /**
   * Only these patches go through the network, each with its own position: int32 [batch, kept], indices of patches row
   * by row, none twice in a sample (as an MAE's encoder, He et al. 2022).
   */
  readonly visible?: tf.Tensor2D;
  /** Patches replaced by a token before positions are added (as SimMIM's, Xie et al. 2022). */
  readonly masked?: MaskedPatches;
}

/** Which patches of which samples a token stands in for. */
export interface MaskedPatches {
  /** float32 [batch, patches], row by row; 1 = replaced, 0 = as it is. */
  readonly mask: tf.Tensor2D;
  /** `width` values in any shape; the gradient flows to them. */
  readonly token: tf.Tensor;
}

/** A network from images [batch, height, width, channels] to tokens. */
export interface Backbone {
  readonly name: string;
  readonly width: number;
  readonly depth: number;
  readonly patchSize: number;
  readonly channels: number;
  readonly imageSize: number;
  init(rng: RandomStream): Params;
  apply(params: Params, images: tf.Tensor4D, context: BackboneContext): BackboneOutputs;
}

/** A head's output and the new values of its buffers (running statistics); empty where it has none. */
export interface HeadOutputs<T extends tf.Tensor> {
  readonly output: T;
  readonly buffers: Params;
}

/** From the class-like token [batch, width] to a vector [batch, features]. */
export type TokenHead = Module<tf.Tensor2D, HeadOutputs<tf.Tensor2D>>;

/** From all tokens [batch, 1 + patches, width] to class logits [batch, classes]. */
export type ClassifierHead = Module<tf.Tensor3D, HeadOutputs<tf.Tensor2D>> & { readonly classes: number };

/** From patch tokens [batch, rows x columns, width] to images [batch, height, width, channels]. */
export type ImageHead = Module<
  { readonly patches: tf.Tensor3D; readonly grid: readonly [rows: number, columns: number] },
  HeadOutputs<tf.Tensor4D>
>;

/** Corrupts a batch of normalised images [batch, height, width, channels]. */
export interface Corruption {
  readonly name: string;
  /** The corrupted batch and the mask [batch, height, width, 1], 1 = corrupted, both float32. */
  corrupt(images: tf.Tensor4D, rng: RandomStream): { images: tf.Tensor4D; mask: tf.Tensor4D };
}

/** Compares a reconstruction with the clean image; all [batch, height, width, channels], mask with 1 channel. */
export interface ReconstructionLoss {
  readonly name: string;
  loss(reconstruction: tf.Tensor4D, clean: tf.Tensor4D, mask: tf.Tensor4D): tf.Scalar;
}

/**
 * Compares two views by their embeddings, row i of each from the same image, not normalised.
 * With a teacher: `student` and `teacher` hold [view 1; view 2] of both networks, each [2 batch, features].
 * Without: `teacher` is the student's own output (gradients flow through both sides).
 */
export interface ContrastLoss {
  readonly name: string;
  loss(student: tf.Tensor2D, teacher: tf.Tensor2D): tf.Scalar;
}

/** Compares logits [batch, classes] with labels: int32 [batch], or a distribution float32 [batch, classes]. */
export interface ClassificationLoss {
  readonly name: string;
  loss(logits: tf.Tensor2D, labels: tf.Tensor1D | tf.Tensor2D): tf.Scalar;
}
