import * as tf from "@tensorflow/tfjs";
import { requireOption, SitError } from "../errors.js";
import type { RandomStream } from "../random.js";
import { canFuse, runKernel } from "./backend.js";
import { requireShape } from "./check.js";
import { withGradient } from "./gradient.js";

/**
 * `x + branch`, where in training each sample's branch is left out with probability `rate` and scaled by
 * 1 / (1 - rate) elsewhere (stochastic depth, Huang et al. 2016).
 *
 * @param x, branch [batch, ...] alike
 * @param rate in [0, 1); 0 draws nothing
 * @throws SitError "bad-shape", or "bad-option" for a rate out of range or without `rng`
 */
export function residual<T extends tf.Tensor>(x: T, branch: T, rate = 0, rng?: RandomStream): T {
  requireShape("residual", "branch", branch, x.shape);
  requireOption(rate >= 0 && rate < 1, "drop path rate", "a number in [0, 1)", rate);
  if (rate === 0) return tf.add(x, branch);
  if (rng === undefined) {
    throw new SitError("bad-option", `residual: expected rng in the context for drop path ${rate}, got none`);
  }
  return tf.tidy(() => {
    const batch = x.shape[0] as number;
    const keep = Float32Array.from({ length: batch }, () => (rng.chance(rate) ? 0 : 1 / (1 - rate)));
    const scale = tf.tensor(keep, [batch, ...x.shape.slice(1).fill(1)]);
    if (!canFuse(["SitResidual", "SitScaleSamples"], [x, branch])) {
      return tf.add(x, tf.mul(branch, scale)) as T;
    }
    return withGradient(
      [x, branch],
      () => ({ value: runKernel("SitResidual", { x, branch, scale })[0] as T, save: [scale] }),
      (dy, [savedScale]) => {
        const scaled = runKernel("SitScaleSamples", { x: dy, scale: savedScale as tf.Tensor });
        return [tf.clone(dy), scaled[0] as tf.Tensor];
      },
    );
  });
}

/** Rows scaled to Euclidean length 1: `x / max(|x|, epsilon)` over the last axis. */
export function l2Normalize(x: tf.Tensor2D, epsilon = 1e-12): tf.Tensor2D {
  return tf.tidy(() => {
    const length = tf.sqrt(tf.maximum(tf.sum(tf.square(x), 1, true), epsilon * epsilon));
    return tf.div(x, length) as tf.Tensor2D;
  });
}
