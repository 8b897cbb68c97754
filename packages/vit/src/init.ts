import { type Params, type RandomStream, truncatedNormal, uniformTensor } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";

/**
 * A linear layer: weights truncated normal with deviation 0.02, biases 0. Every parameter draws from a stream of
 * its own name, so that one layer more or less does not change the others.
 */
export function linearInit(
  rng: RandomStream,
  name: string,
  outFeatures: number,
  inFeatures: number,
  bias = true,
): Params {
  const prefix = name === "" ? "" : `${name}.`;
  return {
    [`${prefix}weight`]: truncatedNormal(rng.fork(`${prefix}weight`), [outFeatures, inFeatures]),
    ...(bias ? { [`${prefix}bias`]: tf.zeros([outFeatures]) } : {}),
  };
}

/** A normalisation's scale 1 and shift 0. */
export function normInit(name: string, features: number): Params {
  return { [`${name}.weight`]: tf.ones([features]), [`${name}.bias`]: tf.zeros([features]) };
}

/**
 * A convolution as PyTorch starts it: weight and bias uniform in ± 1 / √(size of one slice of the weight's first
 * axis). SiT's and DINO's initialisers touch linear layers and norms only and leave convolutions so.
 */
export function convolutionInit(
  rng: RandomStream,
  name: string,
  shape: readonly [number, number, number, number],
  biases: number,
): Params {
  const bound = 1 / Math.sqrt(shape[1] * shape[2] * shape[3]);
  return {
    [`${name}.weight`]: uniformTensor(rng.fork(`${name}.weight`), shape, bound),
    [`${name}.bias`]: uniformTensor(rng.fork(`${name}.bias`), [biases], bound),
  };
}
