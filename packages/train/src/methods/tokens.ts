import { type Backbone, type BackboneContext, type Params, withoutPrefix } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";

/** Where every method has its backbone's parameters, as the official SiT checkpoints do. */
export const BACKBONE = "backbone.";

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
