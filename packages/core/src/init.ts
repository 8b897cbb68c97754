import * as tf from "@tensorflow/tfjs";
import { requireOption } from "./errors.js";
import { randomNormal, randomUniform } from "./ops/random.js";
import type { RandomStream } from "./random.js";

/**
 * Normal draws of the given deviation, as `trunc_normal_` of timm: its bounds ±2 are absolute, beyond every draw of
 * deviations in use. Made where tensors lie, the same numbers on every engine.
 *
 * @param deviation above 0, at most 0.3 (default 0.02)
 * @throws SitError "bad-option"
 */
export function truncatedNormal(rng: RandomStream, shape: readonly number[], deviation = 0.02): tf.Tensor {
  requireOption(deviation > 0 && deviation <= 0.3, "deviation", "a number above 0, at most 0.3", deviation);
  return tf.tidy(() => tf.mul(randomNormal(shape, rng), deviation));
}

/** Uniform draws in ±bound. */
export function uniformTensor(rng: RandomStream, shape: readonly number[], bound: number): tf.Tensor {
  return tf.tidy(() => tf.sub(tf.mul(randomUniform(shape, rng), 2 * bound), bound));
}
