import * as tf from "@tensorflow/tfjs";
import { SitError } from "../errors.js";

/**
 * Multi-head scaled dot-product self-attention (Vaswani et al. 2017) from packed queries, keys and values.
 *
 * @param qkv [batch, tokens, 3 x width]: all queries, then all keys, then all values, each head by head
 * @param heads number of heads; divides width
 * @returns `output` [batch, tokens, width] and `weights` [batch, heads, tokens, tokens], softmax(q kᵀ / √headDim)
 * @throws SitError "bad-shape"
 */
export function attention(qkv: tf.Tensor3D, heads: number): { output: tf.Tensor3D; weights: tf.Tensor4D } {
  const [batch, tokens, packed] = qkv.shape;
  const headDim = packed / 3 / heads;
  if (!(Number.isInteger(headDim) && headDim > 0)) {
    throw new SitError(
      "bad-shape",
      `attention: expected the last axis to be 3 x heads x headDim, got ${packed} with ${heads} heads`,
    );
  }
  return tf.tidy(() => {
    const split = tf.transpose(tf.reshape(qkv, [batch, tokens, 3, heads, headDim]), [2, 0, 3, 1, 4]);
    const [q, k, v] = tf.unstack(tf.reshape(split, [3, batch * heads, tokens, headDim])) as [
      tf.Tensor3D, // each [batch x heads, tokens, headDim]
      tf.Tensor3D,
      tf.Tensor3D,
    ];
    const scores = tf.matMul(tf.mul(q, 1 / Math.sqrt(headDim)) as tf.Tensor3D, k, false, true);
    const weights = tf.softmax(scores);
    const mixed = tf.reshape(tf.matMul(weights, v), [batch, heads, tokens, headDim]);
    return {
      output: tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch, tokens, heads * headDim]) as tf.Tensor3D,
      weights: tf.reshape(weights, [batch, heads, tokens, tokens]) as tf.Tensor4D,
    };
  });
}
