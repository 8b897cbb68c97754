import { type ImageHead, linear, type Params, param, type RandomStream, unpatchify } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { requirePositive, requireShape } from "../check.js";
import { convolutionInit } from "../init.js";

export interface PixelShuffleHeadOptions {
  /** Features of a token. */
  readonly width: number;
  /** Side of a patch in pixels. */
  readonly patchSize: number;
  /** Channels of an image (default 3). */
  readonly channels?: number;
}

/**
 * From patch tokens back to pixels in one layer, as SimMIM (Xie et al. 2022): a convolution of one pixel to all values
 * of a patch, ordered channel, row, column, then the pixels put in their places. Parameters `0.weight`
 * [channels x patch x patch, width, 1, 1] and `0.bias`: with the prefix `decoder.` they are SimMIM's.
 *
 * @returns a head from `patches` [batch, rows x columns, width] and their `grid` to images
 *   [batch, rows x patch, columns x patch, channels]
 * @throws SitError "bad-option" here; "bad-shape" from `apply`
 */
export function pixelShuffleHead(options: PixelShuffleHeadOptions): ImageHead {
  const { width, patchSize, channels = 3 } = options;
  requirePositive({ width, patchSize, channels });
  const values = channels * patchSize * patchSize;
  return {
    name: "pixel-shuffle",
    settings: { width, patchSize, channels },

    init: (rng: RandomStream): Params => convolutionInit(rng, "0", [values, width, 1, 1], values),

    apply(params, { patches, grid }) {
      requireShape("patches", patches, [-1, grid[0] * grid[1], width]);
      const weight = param(params, "0.weight");
      requireShape("0.weight", weight, [values, width, 1, 1]);
      const output = tf.tidy(() => {
        const pixels = linear(patches, weight, param(params, "0.bias")) as tf.Tensor3D;
        return unpatchify(pixels, grid, patchSize, channels);
      });
      return { output, buffers: {} };
    },
  };
}
