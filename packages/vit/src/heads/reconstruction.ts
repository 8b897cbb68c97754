import {
  type ImageHead,
  linear,
  linearGelu,
  type Params,
  param,
  type RandomStream,
  requireOption,
  unpatchify,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { requirePositive, requireShape } from "../check.js";
import { convolutionInit, type Initialization, linearInit, requireInitialization } from "../init.js";

export interface ReconstructionHeadOptions {
  /** "paper" (default): two layers of 2048; "official": SiT's code, three layers of the backbone's width. */
  readonly variant?: "paper" | "official";
  /** Features of a token. */
  readonly width: number;
  /** Side of a patch in pixels. */
  readonly patchSize: number;
  /** Channels of an image (default 3). */
  readonly channels?: number;
  /** Features of the hidden layers (default 2048 for "paper", the width for "official"). */
  readonly hidden?: number;
  /** How the linear layers start: "truncated-normal" (default) or "xavier", better for narrow networks. */
  readonly initialization?: Initialization;
}

/**
 * From patch tokens back to pixels (SiT, Atito et al. 2021): linear layers with GELU after each, then a transposed
 * convolution whose kernel and stride are the patch, written as one matrix product. Parameters `mlp.0`, `mlp.2`, …
 * and `convTrans` [hidden, channels, patch, patch], as in SiT's code.
 *
 * @returns a head from `patches` [batch, rows x columns, width] and their `grid` to images
 *   [batch, rows x patch, columns x patch, channels]
 * @throws SitError "bad-option" here; "bad-shape" from `apply`
 */
export function reconstructionHead(options: ReconstructionHeadOptions): ImageHead {
  const { variant = "paper", width, patchSize, channels = 3 } = options;
  requireOption(variant === "paper" || variant === "official", "variant", '"paper" or "official"', variant);
  const { hidden = variant === "paper" ? 2048 : width, initialization = "truncated-normal" } = options;
  requireInitialization(initialization);
  requirePositive({ width, patchSize, channels, hidden });
  const layers = variant === "paper" ? 2 : 3;
  const names = Array.from({ length: layers }, (_, i) => `mlp.${2 * i}`);
  const values = channels * patchSize * patchSize;
  return {
    name: `reconstruction-${variant}`,
    settings: { variant, width, patchSize, channels, hidden, initialization },

    init: (rng: RandomStream): Params => ({
      ...Object.assign(
        {},
        ...names.map((name, i) =>
          linearInit(rng, name, hidden, i === 0 ? width : hidden, { initialization }),
        ),
      ),
      ...convolutionInit(rng, "convTrans", [hidden, channels, patchSize, patchSize], channels),
    }),

    apply(params, { patches, grid }) {
      requireShape("patches", patches, [-1, grid[0] * grid[1], width]);
      const kernel = param(params, "convTrans.weight");
      requireShape("convTrans.weight", kernel, [hidden, channels, patchSize, patchSize]);
      const output = tf.tidy(() => {
        let x: tf.Tensor = patches;
        for (const name of names) {
          x = linearGelu(x, param(params, `${name}.weight`), param(params, `${name}.bias`));
        }
        const matrix = tf.transpose(tf.reshape(kernel, [hidden, values])); // [channels x p x p, hidden]
        const perChannel = tf.reshape(param(params, "convTrans.bias"), [channels, 1]);
        // Broadcast by addition: the gradient of tf.tile is a loop over its copies.
        const bias = tf.reshape(tf.add(perChannel, tf.zeros([1, patchSize * patchSize])), [values]);
        return unpatchify(linear(x, matrix, bias) as tf.Tensor3D, grid, patchSize, channels);
      });
      return { output, buffers: {} };
    },
  };
}
