import { type Params, type RandomStream, requireOption, truncatedNormal, uniformTensor } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";

/**
 * How the weights of linear layers start; biases start at 0.
 *
 * - "truncated-normal": deviation 0.02 whatever the size (timm, DINO, SiT), made for widths of 192 and more.
 * - "xavier": uniform in ± √(6 / (in + out)) (Glorot and Bengio 2010), as MAE; narrow networks learn faster from it.
 */
export type Initialization = "truncated-normal" | "xavier";

/** @throws SitError "bad-option" */
export function requireInitialization(value: Initialization): void {
  const known = value === "truncated-normal" || value === "xavier";
  requireOption(known, "initialization", '"truncated-normal" or "xavier"', value);
}

/**
 * A linear layer. Every parameter draws from a stream of its own name, so that one layer more or less does not change
 * the others.
 */
export function linearInit(
  rng: RandomStream,
  name: string,
  outFeatures: number,
  inFeatures: number,
  { bias = true, initialization = "truncated-normal" }: LinearInitOptions = {},
): Params {
  const prefix = name === "" ? "" : `${name}.`;
  const stream = rng.fork(`${prefix}weight`);
  return {
    [`${prefix}weight`]:
      initialization === "xavier"
        ? uniformTensor(stream, [outFeatures, inFeatures], Math.sqrt(6 / (inFeatures + outFeatures)))
        : truncatedNormal(stream, [outFeatures, inFeatures]),
    ...(bias ? { [`${prefix}bias`]: tf.zeros([outFeatures]) } : {}),
  };
}

export interface LinearInitOptions {
  readonly bias?: boolean;
  readonly initialization?: Initialization;
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
