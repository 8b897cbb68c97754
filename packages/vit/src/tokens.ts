import { type MaskedPatches, requireOption, SitError, withGradient } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { requireShape } from "./check.js";

/**
 * The named tokens of each sample, in the order they are named; its gradient is `spreadTokens`.
 *
 * @param x [batch, tokens, width]
 * @param indices int32 [batch, kept], each below `tokens`
 * @returns [batch, kept, width]
 * @throws SitError "bad-option" for an index out of range
 */
export function gatherTokens(x: tf.Tensor3D, indices: tf.Tensor2D): tf.Tensor3D {
  const [, tokens] = x.shape;
  return withGradient<tf.Tensor3D>(
    [x],
    () => ({ value: gatherRows(x, indices), save: [indices] }),
    (dy, [saved]) => [spreadTokens(dy, saved as tf.Tensor2D, tokens)],
  );
}

/** Over the samples as one table of rows: by sample (`batchDims`), the wasm backend takes wrong ones. */
function gatherRows(x: tf.Tensor3D, indices: tf.Tensor2D): tf.Tensor3D {
  const [batch, tokens, width] = x.shape;
  return tf.tidy(() => {
    const starts = tf.reshape(tf.range(0, batch * tokens, tokens, "int32"), [batch, 1]);
    const inRange = tf.logicalAnd(tf.greaterEqual(indices, 0), tf.less(indices, tokens));
    // What is out of range must not take a neighbour's token: engines refuse -1.
    const rows = tf.where(inRange, tf.add(indices, starts), tf.scalar(-1, "int32"));
    try {
      return tf.gather(tf.reshape(x, [batch * tokens, width]), rows) as tf.Tensor as tf.Tensor3D;
    } catch (cause) {
      const message = `visible: expected indices from 0 to ${tokens - 1}, the engine refused some`;
      throw new SitError("bad-option", message, { cause });
    }
  });
}

/**
 * Tokens put at the named places of sequences of zeros; its gradient is `gatherTokens`. A product with ones and zeros:
 * not every engine can add at indices, those that do need not do it in the same order twice, and it is small beside a
 * transformer's products.
 *
 * @param x [batch, kept, width]
 * @param indices int32 [batch, kept], each below `tokens`; what is named twice is summed
 * @returns [batch, tokens, width]
 */
export function spreadTokens(x: tf.Tensor3D, indices: tf.Tensor2D, tokens: number): tf.Tensor3D {
  return withGradient<tf.Tensor3D>(
    [x],
    () => {
      const places = tf.transpose(placesOf(indices, tokens), [0, 2, 1]); // [batch, tokens, kept]
      return { value: tf.matMul(places, x), save: [indices] };
    },
    (dy, [saved]) => [gatherTokens(dy, saved as tf.Tensor2D)],
  );
}

/** What is left out: [batch, tokens], 0 where `indices` [batch, kept] name the token, 1 elsewhere. */
export function unnamed(indices: tf.Tensor2D, tokens: number): tf.Tensor2D {
  return tf.tidy(() => tf.sub(1, tf.max(placesOf(indices, tokens), 1))) as tf.Tensor2D;
}

/** [batch, kept, tokens]: 1 where the token is the named one (`tf.oneHot` wants at least two tokens). */
function placesOf(indices: tf.Tensor2D, tokens: number): tf.Tensor3D {
  const [batch, kept] = indices.shape;
  const all = tf.range(0, tokens, 1, "int32");
  return tf.cast(tf.equal(tf.reshape(indices, [batch, kept, 1]), all), "float32") as tf.Tensor3D;
}

/**
 * `x` with `token` in place of the masked tokens.
 *
 * @param x [batch, tokens, width]
 * @throws SitError "bad-shape" where mask or token do not fit
 */
export function replaceTokens(x: tf.Tensor3D, { mask, token }: MaskedPatches): tf.Tensor3D {
  const [batch, tokens, width] = x.shape;
  requireShape("mask", mask, [batch, tokens]);
  if (token.size !== width) {
    throw new SitError("bad-shape", `mask token: expected ${width} values, got [${token.shape.join(", ")}]`);
  }
  return withGradient<tf.Tensor3D>(
    [x, token],
    () => {
      const masked = tf.reshape(mask, [batch, tokens, 1]);
      const kept = tf.mul(x, tf.sub(1, masked));
      const value = tf.add(kept, tf.mul(masked, tf.reshape(token, [1, 1, width])));
      return { value: value as tf.Tensor3D, save: [mask] };
    },
    (dy, [saved]) => {
      const kept = tf.sub(1, tf.reshape(saved as tf.Tensor, [batch, tokens, 1]));
      const row = tf.reshape(saved as tf.Tensor, [1, batch * tokens]);
      const ofToken = tf.matMul(row, tf.reshape(dy, [batch * tokens, width]));
      return [tf.mul(dy, kept), tf.reshape(ofToken, token.shape)];
    },
  );
}

/** Throws unless `visible` can name the patches of `batch` samples: int32 [batch, kept], kept at most `patches`. */
export function requireVisible(visible: tf.Tensor2D, batch: number, patches: number): void {
  requireShape("visible", visible, [batch, -1]);
  requireOption(visible.dtype === "int32", "visible", "indices as int32", visible.dtype);
  const kept = visible.shape[1];
  if (kept < 1 || kept > patches) {
    throw new SitError(
      "bad-shape",
      `visible: expected 1 to ${patches} patches of each sample, got [${visible.shape.join(", ")}]`,
    );
  }
}
