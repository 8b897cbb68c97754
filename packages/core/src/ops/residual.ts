import * as tf from "@tensorflow/tfjs";
import { requireOption, SitError } from "../errors.js";
import type { RandomStream } from "../random.js";
import { canFuse, runKernel } from "./backend.js";
import { requireShape } from "./check.js";
import { withGradient } from "./gradient.js";

/** Where the result of a branch is added, and how much of it. */
export interface Residual {
  /** [batch, ...], shaped like the branch. */
  readonly onto: tf.Tensor;
  /** [batch], the factor of each sample's branch (see `dropPathScale`); 1 where left out. */
  readonly scale?: tf.Tensor1D | undefined;
}

/**
 * Stochastic depth (Huang et al. 2016): each sample's branch is left out with probability `rate` and scaled by
 * 1 / (1 - rate) elsewhere.
 *
 * @param rate in [0, 1); 0 draws nothing and gives undefined
 * @returns [batch]
 * @throws SitError "bad-option" for a rate out of range or without `rng`
 */
export function dropPathScale(batch: number, rate = 0, rng?: RandomStream): tf.Tensor1D | undefined {
  requireOption(rate >= 0 && rate < 1, "drop path rate", "a number in [0, 1)", rate);
  if (rate === 0) return undefined;
  if (rng === undefined) {
    throw new SitError("bad-option", `residual: expected rng in the context for drop path ${rate}, got none`);
  }
  return tf.tensor1d(Float32Array.from({ length: batch }, () => (rng.chance(rate) ? 0 : 1 / (1 - rate))));
}

/**
 * `x + branch`, where in training each sample's branch is left out with probability `rate`: see `dropPathScale`.
 *
 * @param x, branch [batch, ...] alike
 * @throws SitError "bad-shape", or "bad-option" for a rate out of range or without `rng`
 */
export function residual<T extends tf.Tensor>(x: T, branch: T, rate = 0, rng?: RandomStream): T {
  requireShape("residual", "branch", branch, x.shape);
  return tf.tidy(() =>
    addBranch(branch, { onto: x, scale: dropPathScale(x.shape[0] as number, rate, rng) }),
  ) as T;
}

/** `onto + scale ⊙ branch`. */
export function addBranch(branch: tf.Tensor, { onto, scale }: Residual): tf.Tensor {
  if (scale === undefined) return tf.add(onto, branch);
  if (!canFuse(["SitResidual", "SitScaleSamples"], [onto, branch])) {
    const each = [-1, ...branch.shape.slice(1).fill(1)];
    return tf.tidy(() => tf.add(onto, tf.mul(branch, tf.reshape(scale, each))));
  }
  return withGradient(
    [onto, branch],
    () => ({ value: runKernel("SitResidual", { onto, branch, scale })[0] as tf.Tensor, save: [scale] }),
    (dy, [savedScale]) => {
      const scaled = runKernel("SitScaleSamples", { x: dy, scale: savedScale as tf.Tensor });
      return [tf.clone(dy), scaled[0] as tf.Tensor];
    },
  );
}

/** Rows scaled to Euclidean length 1: `x / max(|x|, epsilon)` over the last axis. */
export function l2Normalize(x: tf.Tensor2D, epsilon = 1e-12): tf.Tensor2D {
  return tf.tidy(() => {
    const length = tf.sqrt(tf.maximum(tf.sum(tf.square(x), 1, true), epsilon * epsilon));
    return tf.div(x, length) as tf.Tensor2D;
  });
}
