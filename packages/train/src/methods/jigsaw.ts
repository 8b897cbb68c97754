import type { Method } from "../method.js";
import { type TileMethodOptions, tileMethod } from "./tiles.js";

export interface JigsawPuzzleOptions extends TileMethodOptions {
  /**
   * Shuffled tiles of each image and the number of their permutation, such as
   * `jigsawTiles({ permutations, gap: 1 })`.
   */
  readonly tiles: TileMethodOptions["tiles"];
}

/**
 * Jigsaw puzzles (Noroozi and Favaro 2016, "Unsupervised learning of visual representations by solving jigsaw puzzles"):
 * an image's tiles come in one of a fixed set of orders, and the `head` tells in which from their class-like tokens side
 * by side [batch, tiles x width]; one output for each order. One view, no teacher; only `tiles` and drop path draw. Part
 * `accuracy`: the share of puzzles solved, 1 / orders by chance.
 *
 * The paper trains a convolutional network by SGD, and normalises each tile by its own mean and deviation, which is left
 * out; the recipe is SiT's for vision transformers.
 *
 * @throws SitError from its steps: "bad-shape" for tiles that the backbone's patches do not divide and for a head of
 * another width, "bad-option" for a head of fewer outputs
 */
export function jigsawPuzzle(options: JigsawPuzzleOptions): Method {
  return tileMethod(
    "jigsaw",
    options,
    "Change the gap of the jigsaw: a tile is the image's side over the rows, rounded down, less the gap.",
  );
}
