import type * as tf from "@tensorflow/tfjs";
import type { RandomStream } from "./random.js";

/**
 * Parameters (and buffers, such as running means) of a module: a flat map of dotted names to tensors.
 * Names and layouts are those of PyTorch state dicts: `linear.weight` is [out, in].
 */
export type Params = Readonly<Record<string, tf.Tensor>>;

/** What a part was made with, as plain JSON: no undefined, no NaN, no functions, no tensors, no typed arrays. */
export type PartSettings = Readonly<Record<string, unknown>>;

/** What every part says of itself. */
export interface Part {
  readonly name: string;
  /**
   * Every option that results depend on, by its name, with the defaults in their places; the same names whatever the
   * options. For records: a run that goes on must have the same. Of a part without it the name alone is compared.
   */
  readonly settings?: PartSettings;
}

/** A function as a part of a method: its settings have a `name` of its own too, since bundlers change a function's. */
export type PartFunction<F> = F & { readonly settings?: PartSettings };

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
export interface Module<Input, Output> extends Part {
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
  /** Output of each block, [batch, 1 + patches, width], the last one last; empty unless asked for. */
  readonly blocks: readonly tf.Tensor3D[];
  /** Attention maps [batch, heads, 1 + patches, 1 + patches] of each block; empty unless asked for. */
  readonly attention: readonly tf.Tensor4D[];
}

export interface BackboneContext extends ApplyContext {
  /** Also return attention maps (slower; default false). */
  readonly attention?: boolean;
  /**
   * Also return each block's output, before the final norm or each after it ("normalized", as DINO judges several blocks
   * together; not for training). More memory; default false.
   */
  readonly blocks?: boolean | "normalized";
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
export interface Backbone extends Part {
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
export interface Corruption extends Part {
  /** The corrupted batch and the mask [batch, height, width, 1], 1 = corrupted, both float32. */
  corrupt(images: tf.Tensor4D, rng: RandomStream): { images: tf.Tensor4D; mask: tf.Tensor4D };
}

/** Compares a reconstruction with the clean image; all [batch, height, width, channels], mask with 1 channel. */
export interface ReconstructionLoss extends Part {
  loss(reconstruction: tf.Tensor4D, clean: tf.Tensor4D, mask: tf.Tensor4D): tf.Scalar;
}

/**
 * Compares two views by their embeddings, row i of each from the same image, not normalised.
 * With a teacher: `student` and `teacher` hold [view 1; view 2] of both networks, each [2 batch, features].
 * Without: `teacher` is the student's own output (gradients flow through both sides).
 */
export interface ContrastLoss extends Part {
  loss(student: tf.Tensor2D, teacher: tf.Tensor2D): tf.Scalar;
}

/** Compares queries with keys of the same images; row i of each from image i, not normalised. */
export interface QueryKeyLoss extends Part {
  /** @param queries, keys [batch, features] alike */
  loss(queries: tf.Tensor2D, keys: tf.Tensor2D): tf.Scalar;
}

/** Which patches an encoder sees, for encoders that see no others; the three tensors belong to the caller. */
export interface VisiblePatches {
  /** int32 [batch, visible]: the numbers of the visible patches, in the order in which they go to the encoder. */
  readonly visible: tf.Tensor2D;
  /**
   * int32 [batch, patches]: where each patch is in the row of the visible patches, in that order, followed by the hidden
   * ones. Gathering such a row by it puts all patches back in their places.
   */
  readonly restore: tf.Tensor2D;
  /** float32 [batch, patches]: 1 = hidden, 0 = visible. */
  readonly mask: tf.Tensor2D;
}

/** Chooses the patches that an encoder sees (MAE). */
export interface PatchSampler extends Part {
  sample(of: { readonly batch: number; readonly patches: number }, rng: RandomStream): VisiblePatches;
}

/** One mask at both resolutions, float32, 1 = masked; both tensors belong to the caller. */
export interface TokenMask {
  /** [batch, rows, columns] of patches: which tokens the mask token replaces. */
  readonly patches: tf.Tensor3D;
  /** [batch, height, width, 1]: which pixels the loss counts. */
  readonly pixels: tf.Tensor4D;
}

/** Chooses the patches that a mask token replaces (SimMIM); sides in pixels. */
export interface TokenMasking extends Part {
  draw(
    of: {
      readonly batch: number;
      readonly height: number;
      readonly width: number;
      readonly patchSize: number;
    },
    rng: RandomStream,
  ): TokenMask;
}

/** Images turned by quarters, and by how many; both tensors belong to the caller. */
export interface RotatedImages {
  /** [images, height, width, channels] */
  readonly images: tf.Tensor4D;
  /** int32 [images]: quarter turns counter-clockwise, 0 to 3. */
  readonly labels: tf.Tensor1D;
}

/** Tiles of each image and the class to tell from them; both tensors belong to the caller. */
export interface TiledImages {
  /** [batch, tiles, height, width, channels] */
  readonly tiles: tf.Tensor5D;
  /** int32 [batch] */
  readonly labels: tf.Tensor1D;
}

/** Pairs of features for a relation head; both tensors belong to the caller. */
export interface RelationPairs {
  /** [pairs, 2 x features], both members side by side. */
  readonly pairs: tf.Tensor2D;
  /** [pairs], float32: 1 = both of the same image, 0 = of two. */
  readonly labels: tf.Tensor1D;
}

/** What a decoder of hidden patches is given (MAE). */
export interface MaskedDecoderInput {
  /** The encoder's tokens [batch, 1 + kept, width], the class-like one first. */
  readonly tokens: tf.Tensor3D;
  /** Which patches they are: int32 [batch, kept], what the encoder was told in `visible`. */
  readonly visible: tf.Tensor2D;
  /** Patches of the whole image. */
  readonly grid: readonly [rows: number, columns: number];
}

/** From the tokens of visible patches to the values of all: [batch, patches, p x p x channels] by row, column, channel. */
export type MaskedDecoder = Module<MaskedDecoderInput, tf.Tensor3D>;

/** Compares predicted patches with the clean images they were cut from. */
export interface PatchLoss extends Part {
  /**
   * @param prediction [batch, patches, p x p x channels], a patch's values by row, column, channel
   * @param clean [batch, height, width, channels]
   * @param mask [batch, patches], 1 = hidden from the encoder and counted, 0 = visible
   */
  loss(prediction: tf.Tensor3D, clean: tf.Tensor4D, mask: tf.Tensor2D): tf.Scalar;
  /**
   * The predicted patches as images [batch, height, width, channels]. Where what is predicted says nothing of a patch's
   * mean and deviation, they are taken from the clean image: a picture to look at, not one that the network knows alone.
   *
   * @param prediction, clean as for `loss`
   */
  images(prediction: tf.Tensor3D, clean: tf.Tensor4D): tf.Tensor4D;
}

export interface DistillationTemperatures {
  /** Divides the teacher's centred logits, above 0. */
  readonly teacher: number;
  /** Divides the student's logits, above 0; default 0.1. */
  readonly student?: number;
}

/** Compares the student's outputs for several crops of each image with the teacher's for the large ones (DINO). */
export interface DistillationLoss extends Part {
  /** How many crops of each image are large: those that the teacher sees. */
  readonly globalCrops: number;
  /**
   * @param student [crops x batch, features], logits: all images' first large crop, the second, … then the small ones
   * @param teacher [globalCrops x batch, features], logits of the large crops in the same order
   * @param center [1, features], 0 before the first step
   */
  loss(
    student: tf.Tensor2D,
    teacher: tf.Tensor2D,
    center: tf.Tensor2D,
    temperatures: DistillationTemperatures,
  ): tf.Scalar;
  /** The centre [1, features] for the next step, from what `loss` is given in this one. */
  nextCenter(teacher: tf.Tensor2D, center: tf.Tensor2D): tf.Tensor2D;
}

/** Minus an estimate of the mutual information between an image's summary and other features of it (Deep InfoMax). */
export interface MutualInformationLoss extends Part {
  /**
   * @param summary [batch, features], of an image as a whole
   * @param others [batch, features] for global mutual information, [batch, locations, features] for local
   */
  loss(summary: tf.Tensor2D, others: tf.Tensor2D | tf.Tensor3D): tf.Scalar;
}

/** Compares a relation head's scores of pairs with whether each pair is of one image. */
export interface PairLoss extends Part {
  /**
   * @param logits [pairs] or [pairs, 1], before any sigmoid
   * @param labels [pairs], 1 = both of the same image, 0 = of two
   */
  loss(logits: tf.Tensor1D | tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar;
}

/**
 * Compares logits [batch, classes] with labels: int32 [batch], or float32 [batch, classes], a distribution or, of classes
 * that do not exclude each other, a target for each.
 */
export interface ClassificationLoss extends Part {
  loss(logits: tf.Tensor2D, labels: tf.Tensor1D | tf.Tensor2D): tf.Scalar;
}
