import {
  type Backbone,
  type BackboneContext,
  type Params,
  type Part,
  type PartSettings,
  partRecords,
  type RandomStream,
  unpatchify,
  withoutPrefix,
  withPrefix,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { Reconstruction } from "../method.js";

/** Where every method has its backbone's parameters, as the official SiT checkpoints do. */
export const BACKBONE = "backbone.";

/** Where MAE and SimMIM have what goes from tokens back to pixels, as SimMIM's code. */
export const DECODER = "decoder.";

/** A backbone's new parameters, under a method's prefix. */
export function initBackbone(backbone: Backbone, rng: RandomStream): Params {
  return withPrefix(BACKBONE, backbone.init(rng.fork("backbone")));
}

/** What a method's settings say of a head and the loss on what it gives. */
export function headAndLoss({ head, loss }: { readonly head: Part; readonly loss: Part }): PartSettings {
  return partRecords({ head, loss });
}

/** All tokens [batch, 1 + patches, width] by the backbone among a method's parameters. */
export function encode(
  backbone: Backbone,
  params: Params,
  images: tf.Tensor4D,
  context: BackboneContext,
): tf.Tensor3D {
  return backbone.apply(withoutPrefix(BACKBONE, params), images, context).tokens;
}

/** The class-like token [batch, width] of all tokens [batch, 1 + patches, width]. */
export function classToken(tokens: tf.Tensor3D): tf.Tensor2D {
  const [batch, , width] = tokens.shape;
  return tf.reshape(tf.slice3d(tokens, [0, 0, 0], [-1, 1, -1]), [batch, width]);
}

/** All others: [batch, patches, width]. */
export function patchTokens(tokens: tf.Tensor3D): tf.Tensor3D {
  return tf.slice3d(tokens, [0, 1, 0], [-1, -1, -1]);
}

/** Rows and columns of patches in images [batch, height, width, channels]. */
export function patchGrid(
  { patchSize }: Pick<Backbone, "patchSize">,
  [, height, width]: readonly number[],
): readonly [rows: number, columns: number] {
  return [(height as number) / patchSize, (width as number) / patchSize];
}

/** A mask of patches [batch, patches] as one of pixels [batch, height, width, 1]. */
export function patchMaskPixels(
  mask: tf.Tensor2D,
  grid: readonly [rows: number, columns: number],
  patchSize: number,
): tf.Tensor4D {
  const [batch, patches] = mask.shape;
  const values = tf.tile(tf.reshape(mask, [batch, patches, 1]), [1, 1, patchSize * patchSize]);
  return unpatchify(values as tf.Tensor3D, grid, patchSize, 1);
}

/**
 * What a method that hides patches shows: what was visible as it is, what was hidden as predicted. The corrupted image
 * has 0, the mean, where the network saw nothing.
 *
 * @param mask [batch, height, width, 1], 1 = hidden
 */
export function maskedPicture(
  images: tf.Tensor4D,
  mask: tf.Tensor4D,
  predicted: tf.Tensor4D,
): Reconstruction {
  const corrupted = tf.mul(images, tf.sub(1, mask)) as tf.Tensor4D;
  return { corrupted, mask, reconstruction: tf.add(corrupted, tf.mul(predicted, mask)) as tf.Tensor4D };
}
