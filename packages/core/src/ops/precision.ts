import * as tf from "@tensorflow/tfjs";
import { requireOption, SitError } from "../errors.js";
import { withGradient } from "./gradient.js";

/**
 * How matrix products are computed: "float32", or "bfloat16": both operands rounded to bfloat16, sums in float32.
 * Parameters, statistics, norms, activations between operations and losses are float32 with either.
 */
export type Precision = "float32" | "bfloat16";

export const precisions: readonly Precision[] = ["float32", "bfloat16"];

let current: Precision = "float32";

/**
 * Computes `linear` and its like, `perceptronResidual` and `attention` within `work` in that precision; their
 * gradients too, whenever they are asked for. `work` must not be asynchronous.
 *
 * Fused kernels use the processor's bfloat16 instructions where it has them. Everywhere else the operands are rounded
 * and multiplied in float32: the same arithmetic, without the speed.
 *
 * @throws SitError "bad-option" for another precision, or a `work` that returns a promise
 */
export function withPrecision<T>(precision: Precision, work: () => T): T {
  requireOption(precisions.includes(precision), "precision", '"float32" or "bfloat16"', precision);
  const before = current;
  current = precision;
  try {
    const result = work();
    if (result instanceof Promise) {
      throw new SitError("bad-option", "withPrecision: expected work that ends at once, got a promise");
    }
    return result;
  } finally {
    current = before;
  }
}

/** The precision that `withPrecision` has set. */
export function precisionInUse(): Precision {
  return current;
}

/**
 * The nearest number of 8 significant bits, bfloat16's, as float32 (Veltkamp's splitting, halves away from zero or to
 * even); magnitudes below 2^111. Outside the gradient tape.
 */
export function roundToBfloat16<T extends tf.Tensor>(x: T): T {
  return tf.tidy(() => {
    const scaled = tf.mul(x, 2 ** 16 + 1);
    return tf.sub(scaled, tf.sub(scaled, x));
  }) as T;
}

/** What a composed product takes in the precision in use: `x` itself, or `x` rounded. The gradient passes as it is. */
export function operand<T extends tf.Tensor>(x: T): T {
  if (current === "float32") return x;
  return withGradient(
    [x],
    () => ({ value: roundToBfloat16(x), save: [] }),
    (dy) => [tf.clone(dy)],
  );
}
