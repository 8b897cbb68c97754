import { type Params, type RandomStream, requireOption, truncatedNormal, uniformTensor } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";

/**
 * How the weights of linear layers start; biases start at 0.
 *
 * - "truncated-normal": deviation 0.02 whatever the size (timm, DINO, SiT), made for widths of 192 and more.
 * - "xavier": uniform in ± √(6 / (in + out)) (Glorot and Bengio 2010), as MAE; narrow networks learn faster from it.
 */
export type Initialization = "truncated-normal" | "xavier";

/**
 * How a backbone starts: its linear layers as an `Initialization`, or all of it as a paper's code.
 *
 * - "mae": "xavier", the patch embedding too, as if it were linear (He et al. 2022).
 * - "moco-v3": as "mae", with queries, keys and values as three layers each for itself, no bias in the patch embedding at
 *   first, and a class-like token near 0 (Chen et al. 2021).
 */
export type BackboneInitialization = Initialization | "mae" | "moco-v3";
const backboneInitializations: readonly BackboneInitialization[] = [
  "truncated-normal",
  "xavier",
  "mae",
  "moco-v3",
];

/** @throws SitError "bad-option" */
export function requireBackboneInitialization(value: BackboneInitialization): void {
  const known = backboneInitializations.map((name) => `"${name}"`).join(" or ");
  requireOption(backboneInitializations.includes(value), "initialization", known, value);
}

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
  { bias = true, initialization = "truncated-normal", parts = 1 }: LinearInitOptions = {},
): Params {
  const prefix = name === "" ? "" : `${name}.`;
  const stream = rng.fork(`${prefix}weight`);
  return {
    [`${prefix}weight`]:
      initialization === "truncated-normal"
        ? truncatedNormal(stream, [outFeatures, inFeatures])
        : uniformTensor(stream, [outFeatures, inFeatures], xavierBound(inFeatures, outFeatures / parts)),
    ...(bias ? { [`${prefix}bias`]: tf.zeros([outFeatures]) } : {}),
  };
}

export interface LinearInitOptions {
  readonly bias?: boolean;
  readonly initialization?: BackboneInitialization;
  /** Layers of equal size that lie in this one, one after the other, and start each for itself (default 1). */
  readonly parts?: number;
}

function xavierBound(inFeatures: number, outFeatures: number): number {
  return Math.sqrt(6 / (inFeatures + outFeatures));
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

/** The patch embedding, a convolution [width, channels, patch, patch]. */
export function patchEmbeddingInit(
  rng: RandomStream,
  name: string,
  shape: readonly [width: number, channels: number, height: number, width: number],
  initialization: BackboneInitialization,
): Params {
  const [width, ...patch] = shape;
  if (initialization !== "mae" && initialization !== "moco-v3") {
    return convolutionInit(rng, name, shape, width);
  }
  const values = patch.reduce((product, side) => product * side, 1);
  const bound = initialization === "mae" ? 1 / Math.sqrt(values) : 0; // MAE leaves PyTorch's bias
  return {
    [`${name}.weight`]: uniformTensor(rng.fork(`${name}.weight`), shape, xavierBound(values, width)),
    [`${name}.bias`]: uniformTensor(rng.fork(`${name}.bias`), [width], bound),
  };
}
