import * as tf from "@tensorflow/tfjs";
import { SitError } from "../errors.js";
import { addToEach } from "./add-to-each.js";
import { canFuse, gradientsWanted, runKernel } from "./backend.js";
import { requireShape } from "./check.js";
import { withGradient } from "./gradient.js";
import { operand, precisionInUse } from "./precision.js";

/**
 * Multi-head scaled dot-product self-attention (Vaswani et al. 2017) from packed queries, keys and values.
 *
 * @param qkv [batch, tokens, 3 x width]: all queries, then all keys, then all values, each head by head
 * @param heads number of heads; divides width
 * @param bias [heads, tokens, tokens], added to the scaled scores of every sample (relative positions, Shaw et al. 2018,
 *   Raffel et al. 2020); with one, the operation is composed on every engine and keeps all scores for its gradient
 * @returns [batch, tokens, width]
 * @throws SitError "bad-shape"
 */
export function attention(qkv: tf.Tensor3D, heads: number, bias?: tf.Tensor3D): tf.Tensor3D {
  const headDim = headDimOf("attention", qkv, heads, bias);
  return tf.tidy(() => {
    if (bias === undefined && canFuse(["SitAttention", "SitAttentionGrad"], [qkv])) {
      const bfloat16 = precisionInUse() === "bfloat16";
      const keep = gradientsWanted();
      return withGradient<tf.Tensor3D>(
        [qkv],
        () => {
          const made = runKernel("SitAttention", { qkv }, { heads, keep, reduced: bfloat16 });
          const [value, rounded] = made as [tf.Tensor3D, tf.Tensor];
          return { value, save: keep ? [bfloat16 ? rounded : qkv] : [] };
        },
        (dy, [saved]) =>
          runKernel(
            "SitAttentionGrad",
            { dy, qkv: saved as tf.Tensor },
            { heads, qkvs: bfloat16 ? 0 : 1, roundeds: bfloat16 ? 1 : 0 },
          ),
      );
    }
    const [batch, tokens] = qkv.shape;
    const [q, k, v] = splitHeads(operand(qkv), heads, headDim);
    const weights = operand(softmaxWeights(q, k, headDim, bias));
    const mixed = tf.reshape(tf.matMul(weights, v), [batch, heads, tokens, headDim]);
    return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch, tokens, heads * headDim]) as tf.Tensor3D;
  });
}

/**
 * The attention maps of `attention`: softmax(q kᵀ / √headDim + bias). They are not made on the way of `attention`, since only
 * pictures and analyses want them.
 *
 * @param qkv [batch, tokens, 3 x width], @param heads number of heads, @param bias [heads, tokens, tokens]: see `attention`
 * @returns [batch, heads, tokens, tokens], rows sum to 1
 * @throws SitError "bad-shape"
 */
export function attentionWeights(qkv: tf.Tensor3D, heads: number, bias?: tf.Tensor3D): tf.Tensor4D {
  const headDim = headDimOf("attentionWeights", qkv, heads, bias);
  const [batch, tokens] = qkv.shape;
  return tf.tidy(() => {
    const [q, k] = splitHeads(qkv, heads, headDim);
    return tf.reshape(softmaxWeights(q, k, headDim, bias), [batch, heads, tokens, tokens]) as tf.Tensor4D;
  });
}

function headDimOf(what: string, qkv: tf.Tensor3D, heads: number, bias?: tf.Tensor3D): number {
  const [, tokens, packed] = qkv.shape;
  const headDim = packed / 3 / heads;
  if (!(Number.isInteger(headDim) && headDim > 0)) {
    throw new SitError(
      "bad-shape",
      `${what}: expected the last axis to be 3 x heads x headDim, got ${packed} with ${heads} heads`,
    );
  }
  requireShape(what, "bias", bias, [heads, tokens, tokens]);
  return headDim;
}

type Heads = [q: tf.Tensor3D, k: tf.Tensor3D, v: tf.Tensor3D]; // each [batch x heads, tokens, headDim]

function splitHeads(qkv: tf.Tensor3D, heads: number, headDim: number): Heads {
  const [batch, tokens] = qkv.shape;
  const split = tf.transpose(tf.reshape(qkv, [batch, tokens, 3, heads, headDim]), [2, 0, 3, 1, 4]);
  return tf.unstack(tf.reshape(split, [3, batch * heads, tokens, headDim])) as Heads;
}

function softmaxWeights(q: tf.Tensor3D, k: tf.Tensor3D, headDim: number, bias?: tf.Tensor3D): tf.Tensor3D {
  const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(headDim));
  if (bias === undefined) return tf.softmax(scores) as tf.Tensor3D;
  const [heads, tokens] = bias.shape;
  const byHead = addToEach(tf.reshape(scores, [-1, heads, tokens, tokens]), bias);
  return tf.softmax(tf.reshape(byHead, [-1, tokens, tokens])) as tf.Tensor3D;
}
