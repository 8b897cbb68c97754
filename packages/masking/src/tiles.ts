import type { PartFunction, TiledImages } from "@sitjs/core";
import { requireOption, SitError } from "@sitjs/core/errors";
import type { RandomStream } from "@sitjs/core/random";
import * as tf from "@tensorflow/tfjs";
import type { Permutation } from "./permutations.js";
import { type Corner, takeCrops } from "./pixels.js";
import { imageShape } from "./shapes.js";

export interface JigsawOptions {
  /** The orders to tell apart, of rows x rows tiles each: `jigsawPermutations`. */
  readonly permutations: readonly Permutation[];
  /** Rows and columns of tiles; default 3. */
  readonly rows?: number;
  /** Pixels between neighbouring tiles, without jitter; default 11/75 of a cell's shorter side, as in the paper. */
  readonly gap?: number;
  /** Each tile moves by up to this many pixels in each direction, at most half the gap; default that half. */
  readonly jitter?: number;
}

/** From a batch of images to tiles of each. */
export type Tiling = PartFunction<(images: tf.Tensor4D, rng: RandomStream) => TiledImages>;

/** Jigsaw puzzles as a part of a method: see `jigsaw`, which throws what is wrong with the options. */
export function jigsawTiles(options: JigsawOptions): Tiling {
  const { permutations, rows = 3, gap = "of the paper", jitter = "half the gap" } = options;
  const settings = {
    name: "jigsaw",
    permutations: permutations.map((order) => [...order]),
    rows,
    gap,
    jitter,
  };
  return Object.assign((images: tf.Tensor4D, rng: RandomStream) => jigsaw(images, options, rng), {
    settings,
  });
}

/**
 * Jigsaw puzzles (Noroozi and Favaro 2016, "Unsupervised learning of visual representations by solving jigsaw puzzles"):
 * the image is cut into cells, each cell gives a tile that is smaller by the gap, so that tiles cannot be matched by
 * their edges, and the tiles come in one of the orders given. Pixels over at the right and the bottom are left out. Image
 * i draws from `rng.fork(i)`.
 *
 * @param images [batch, height, width, channels]
 * @returns rows x rows tiles of an image, place by place, and the number of their permutation
 * @throws SitError "bad-option"; "bad-shape" for images too small for the tiles
 */
export function jigsaw(images: tf.Tensor4D, options: JigsawOptions, rng: RandomStream): TiledImages {
  const { permutations, rows = 3 } = options;
  requireOption(Number.isInteger(rows) && rows >= 2, "rows", "a whole number, at least 2", rows);
  requirePermutations(permutations, rows * rows);
  const { batch, height, width, channels } = imageShape(images);
  const [cellHeight, cellWidth] = [Math.floor(height / rows), Math.floor(width / rows)];
  const { gap = Math.round((Math.min(cellHeight, cellWidth) * 11) / 75) } = options;
  requirePixels("gap", gap);
  const margin = Math.floor(gap / 2);
  const { jitter = margin } = options;
  requirePixels("jitter", jitter, margin);
  const [tileHeight, tileWidth] = [cellHeight - gap, cellWidth - gap];
  if (tileHeight < 1 || tileWidth < 1) {
    throw new SitError(
      "bad-shape",
      `images: expected room for ${rows} x ${rows} tiles with a gap of ${gap}, got ${height} x ${width}`,
    );
  }
  const labels = new Int32Array(batch);
  const corners: Corner[] = [];
  for (let sample = 0; sample < batch; sample++) {
    const stream = rng.fork(sample);
    const label = stream.integer(0, permutations.length);
    labels[sample] = label;
    for (const tile of permutations[label] as Permutation) {
      const top = Math.floor(tile / rows) * cellHeight + margin + stream.integer(-jitter, jitter + 1);
      const left = (tile % rows) * cellWidth + margin + stream.integer(-jitter, jitter + 1);
      corners.push({ sample, top, left });
    }
  }
  const shape = [batch, rows * rows, tileHeight, tileWidth, channels] as const;
  return tiled(images, corners, labels, shape);
}

export interface RelativePositionOptions {
  /** Side of a patch, pixels. */
  readonly patchSize: number;
  /** Pixels between neighbouring patches, without jitter; default half a patch. */
  readonly gap?: number;
  /** The second patch moves by up to this many pixels in each direction, at most the gap; default 7/96 of a patch. */
  readonly jitter?: number;
}

/** Pairs of neighbouring patches as a part of a method: see `relativePosition`, which throws what is wrong with the options. */
export function relativePositionTiles(options: RelativePositionOptions): Tiling {
  const { patchSize, gap = "half a patch", jitter = "7/96 of a patch" } = options;
  const settings = { name: "relative-position", patchSize, gap, jitter };
  return Object.assign((images: tf.Tensor4D, rng: RandomStream) => relativePosition(images, options, rng), {
    settings,
  });
}

/**
 * Pairs of neighbouring patches (Doersch, Gupta and Efros 2015, "Unsupervised visual representation learning by context
 * prediction"): the first anywhere in the image, the second at one of its eight sides and corners, all equally likely;
 * gap and jitter keep lines from giving the answer away. Image i draws from `rng.fork(i)`. (The paper also drops colours
 * at random, since lenses give positions away by them; that is left to the augmentations.)
 *
 * @param images [batch, height, width, channels]
 * @returns two patches of an image, the one in the middle first; the label numbers the other's place row by row: 0 above
 * left, 1 above, 2 above right, 3 left, 4 right, 5 below left, 6 below, 7 below right
 * @throws SitError "bad-option"; "bad-shape" for images without room for all eight
 */
export function relativePosition(
  images: tf.Tensor4D,
  options: RelativePositionOptions,
  rng: RandomStream,
): TiledImages {
  const { patchSize } = options;
  requireOption(
    Number.isInteger(patchSize) && patchSize >= 1,
    "patchSize",
    "a whole number of pixels, at least 1",
    patchSize,
  );
  const { gap = Math.round(patchSize / 2) } = options;
  requirePixels("gap", gap);
  const { jitter = Math.min(gap, Math.round((patchSize * 7) / 96)) } = options;
  requirePixels("jitter", jitter, gap);
  const { batch, height, width, channels } = imageShape(images);
  const step = patchSize + gap;
  const least = step + jitter; // from the middle's corner to the image's border, and a patch more to the other one
  if (Math.min(height, width) < 2 * least + patchSize) {
    throw new SitError(
      "bad-shape",
      `images: expected sides of at least ${2 * least + patchSize} for 3 x 3 patches of ${patchSize} with a gap of ` +
        `${gap} and a jitter of ${jitter}, got ${height} x ${width}`,
    );
  }
  const labels = new Int32Array(batch);
  const corners: Corner[] = [];
  for (let sample = 0; sample < batch; sample++) {
    const stream = rng.fork(sample);
    const top = stream.integer(least, height - least - patchSize + 1);
    const left = stream.integer(least, width - least - patchSize + 1);
    const label = stream.integer(0, 8);
    labels[sample] = label;
    const place = label < 4 ? label : label + 1; // of nine, the fifth is the middle
    const moved = () => stream.integer(-jitter, jitter + 1);
    corners.push({ sample, top, left });
    corners.push({
      sample,
      top: top + (Math.floor(place / 3) - 1) * step + moved(),
      left: left + ((place % 3) - 1) * step + moved(),
    });
  }
  return tiled(images, corners, labels, [batch, 2, patchSize, patchSize, channels]);
}

function tiled(
  images: tf.Tensor4D,
  corners: readonly Corner[],
  labels: Int32Array,
  shape: readonly [number, number, number, number, number],
): TiledImages {
  const tiles = tf.tidy(() => tf.reshape(takeCrops(images, corners, shape[2], shape[3]), [...shape]));
  return { tiles: tiles as tf.Tensor5D, labels: tf.tensor1d(labels, "int32") };
}

function requirePixels(name: string, value: number, most = Number.POSITIVE_INFINITY): void {
  const range = most === Number.POSITIVE_INFINITY ? "at least 0" : `from 0 to ${most}`;
  const fits = Number.isInteger(value) && value >= 0 && value <= most;
  requireOption(fits, name, `a whole number of pixels, ${range}`, value);
}

function requirePermutations(permutations: readonly Permutation[], tiles: number): void {
  const isPermutation = (order: Permutation) =>
    order.length === tiles && new Set(order).size === tiles && order.every((tile) => tile in order);
  const bad = permutations.find((order) => !isPermutation(order));
  requireOption(
    permutations.length > 0 && bad === undefined,
    "permutations",
    `one or more orders of 0 to ${tiles - 1}`,
    bad ?? permutations,
  );
}
