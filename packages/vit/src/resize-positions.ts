import { type Params, param, SitError } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { interpolationMatrix } from "./positions.js";

/**
 * A backbone's parameters for images of another size: learned positions (`pos_embed`) are interpolated, bicubic, as DINO
 * and SiT do; sine-cosine positions are no parameters and need nothing.
 *
 * @param grids how many patches a side has: in the network the parameters are of, and in the one they are for
 * @returns a new `pos_embed`, which belongs to the caller; all other tensors are shared
 * @throws SitError "bad-shape" for positions of another grid than `from`, "bad-option" for relative positions, whose table
 * is for one grid
 */
export function resizePositions(
  params: Params,
  { from, to }: { readonly from: number; readonly to: number },
): Params {
  if (from === to) {
    return { ...params, ...(params.pos_embed && { pos_embed: tf.clone(params.pos_embed) }) };
  }
  if (Object.keys(params).some((name) => name.endsWith("relative_position_bias_table"))) {
    throw new SitError(
      "bad-option",
      `imageSize: expected the size the network was trained at, for its relative positions are of ${from} x ${from} patches, got ${to} x ${to}`,
    );
  }
  if (params.pos_embed === undefined) return params;
  const positions = param<tf.Tensor3D>(params, "pos_embed");
  const width = positions.shape[2];
  if (positions.shape[1] !== 1 + from * from) {
    throw new SitError(
      "bad-shape",
      `pos_embed: expected [1, ${1 + from * from}, width], got [${positions.shape.join(", ")}]`,
    );
  }
  const pos_embed = tf.tidy(() => {
    const flat = tf.reshape(positions, [1 + from * from, width]);
    const matrix = tf.tensor2d(interpolationMatrix(from, to, to), [to * to, from * from]);
    const patches = tf.matMul(matrix, tf.slice(flat, [1, 0], [from * from, width]));
    return tf.reshape(tf.concat([tf.slice(flat, [0, 0], [1, width]), patches]), [1, 1 + to * to, width]);
  });
  return { ...params, pos_embed };
}
