import type { Method } from "../method.js";
import { type TileMethodOptions, tileMethod } from "./tiles.js";

export interface RelativePositionPredictionOptions extends TileMethodOptions {
  /**
   * Two neighbouring tiles of each image and where the second lies, such as
   * `relativePositionTiles({ patchSize: 8, gap: 1, jitter: 1 })`.
   */
  readonly tiles: TileMethodOptions["tiles"];
}

/**
 * Relative positions (Doersch, Gupta and Efros 2015, "Unsupervised visual representation learning by context prediction"):
 * of two neighbouring tiles of an image the `head` tells on which of eight sides of the first the second lies, from their
 * class-like tokens side by side [batch, 2 x width]. One view, no teacher; only `tiles` and drop path draw. Part
 * `accuracy`: the share of pairs told right, 1/8 by chance.
 *
 * The paper trains a convolutional network by SGD and drops colours at random, which is left to the views; the recipe is
 * SiT's for vision transformers.
 *
 * @throws SitError from its steps: "bad-shape" for tiles that the backbone's patches do not divide and for a head of
 * another width, "bad-option" for a head of fewer outputs
 */
export function relativePositionPrediction(options: RelativePositionPredictionOptions): Method {
  return tileMethod(
    "relative-position",
    options,
    "Change the patchSize of relativePosition, the side of a tile: a multiple of the backbone's patch.",
  );
}
