import * as tf from "@tensorflow/tfjs";
import { SitError } from "../errors.js";

/**
 * `op(a) op(b)` for matrices. The wasm backend runs transposed products 8 to 25 times slower than plain ones,
 * so there the operand is transposed first; elsewhere the flag goes to the kernel.
 *
 * @throws SitError "bad-shape" where the inner sizes differ
 */
export function matMul2d(
  a: tf.Tensor2D,
  b: tf.Tensor2D,
  transposeA = false,
  transposeB = false,
): tf.Tensor2D {
  if (a.shape[transposeA ? 0 : 1] !== b.shape[transposeB ? 1 : 0]) {
    throw new SitError(
      "bad-shape",
      `matMul2d: expected matching inner sizes, got [${a.shape.join(", ")}]${transposeA ? "ᵀ" : ""} and ` +
        `[${b.shape.join(", ")}]${transposeB ? "ᵀ" : ""}`,
    );
  }
  if (tf.getBackend() !== "wasm" || !(transposeA || transposeB))
    return tf.matMul(a, b, transposeA, transposeB);
  return tf.tidy(() =>
    tf.matMul(transposeA ? tf.transpose(a) : a, transposeB ? tf.transpose(b) : b),
  ) as tf.Tensor2D;
}

/** Sum over rows: [rows, columns] to [columns]. A product with ones, since column sums are slow as reductions. */
export function sumRows(x: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => tf.reshape(tf.matMul(tf.ones([1, x.shape[0]]), x), [x.shape[1]])) as tf.Tensor1D;
}
