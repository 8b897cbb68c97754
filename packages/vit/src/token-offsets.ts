import { type Params, param } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { requireShape } from "./check.js";
import { type CompleteVisionTransformerOptions, isFixed } from "./options.js";
import { byGrid, interpolationMatrix, sinCosPositions } from "./positions.js";

/**
 * What a vision transformer adds to every image's tokens, by the grid of its patches: positions, and the class token in
 * the first row.
 *
 * @returns a function of the parameters and the grid that gives [1 + rows x columns, width]; learned positions of
 *   another grid are interpolated
 */
export function tokenOffsets({
  imageSize,
  patchSize,
  width,
  positions,
}: Pick<CompleteVisionTransformerOptions, "imageSize" | "patchSize" | "width" | "positions">): (
  params: Params,
  rows: number,
  columns: number,
) => tf.Tensor2D {
  const side = imageSize / patchSize;
  const sinCosTable = byGrid((rows, columns) =>
    sinCosPositions(width, rows, columns, positions === "sincos-moco" ? "row-column" : "column-row"),
  );
  return (params, rows, columns) => {
    const token = tf.reshape(param(params, "cls_token"), [1, width]);
    if (positions === "none")
      return tf.pad(token, [
        [0, rows * columns],
        [0, 0],
      ]) as tf.Tensor2D;
    if (isFixed(positions)) {
      const table = tf.tensor2d(sinCosTable(rows, columns), [rows * columns, width]);
      return tf.concat([token, table]) as tf.Tensor2D;
    }
    const learned = param<tf.Tensor3D>(params, "pos_embed");
    requireShape("pos_embed", learned, [1, 1 + side * side, width]);
    const flat = tf.reshape(learned, [1 + side * side, width]);
    const first = tf.add(token, tf.slice(flat, [0, 0], [1, width]));
    const stored = tf.slice(flat, [1, 0], [side * side, width]);
    if (rows === side && columns === side) return tf.concat([first, stored]) as tf.Tensor2D;
    const matrix = tf.tensor2d(interpolationMatrix(side, rows, columns), [rows * columns, side * side]);
    return tf.concat([first, tf.matMul(matrix, stored)]) as tf.Tensor2D;
  };
}
