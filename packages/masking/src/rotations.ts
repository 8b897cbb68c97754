import type { RotatedImages } from "@sitjs/core";
import { requireOption, SitError } from "@sitjs/core/errors";
import type { RandomStream } from "@sitjs/core/random";
import * as tf from "@tensorflow/tfjs";
import { takePixels } from "./pixels.js";
import { imageShape } from "./shapes.js";

/**
 * Every image in all four rotations (RotNet: Gidaris, Singh and Komodakis 2018, "Unsupervised representation learning by
 * predicting image rotations"): all images as they are, then all by a quarter turn, and so on.
 *
 * @param images [batch, side, side, channels]
 * @returns four times as many images
 * @throws SitError "bad-shape" for images that are not square
 */
export function allRotations(images: tf.Tensor4D): RotatedImages {
  const { batch } = imageShape(images);
  const turns = Int32Array.from({ length: 4 * batch }, (_, i) => Math.floor(i / batch));
  return rotated(images, turns);
}
allRotations.settings = { name: "all-rotations" };

/**
 * Every image in one rotation, all four equally likely. Image i draws from `rng.fork(i)`.
 *
 * @param images [batch, side, side, channels]
 * @throws SitError "bad-shape" for images that are not square
 */
export function randomRotations(images: tf.Tensor4D, rng: RandomStream): RotatedImages {
  const { batch } = imageShape(images);
  return rotated(
    images,
    Int32Array.from({ length: batch }, (_, sample) => rng.fork(sample).integer(0, 4)),
  );
}
randomRotations.settings = { name: "random-rotations" };

/**
 * Turns image i by `turns[i]` quarter turns counter-clockwise. Exact: pixels move and nothing is interpolated.
 *
 * @param images [batch, side, side, channels]; not square only where all turns are even
 * @param turns [batch], whole numbers; negative ones go clockwise
 * @returns [batch, side, side, channels]
 * @throws SitError "bad-option" for turns that are no whole numbers or not one an image; "bad-shape" as above
 */
export function rotateQuarterTurns(images: tf.Tensor4D, turns: ArrayLike<number>): tf.Tensor4D {
  const { batch } = imageShape(images);
  const all = Array.from(turns);
  requireOption(
    all.length === batch && all.every(Number.isInteger),
    "turns",
    `${batch} whole numbers, one an image`,
    all,
  );
  return rotatedFrom(images, all, (i) => i);
}

/** Output i is image `i mod batch` turned by `turns[i]`. */
function rotated(images: tf.Tensor4D, turns: Int32Array): RotatedImages {
  const batch = images.shape[0];
  const result = rotatedFrom(images, Array.from(turns), (i) => i % batch);
  return { images: result, labels: tf.tensor1d(turns, "int32") };
}

function rotatedFrom(
  images: tf.Tensor4D,
  turns: readonly number[],
  imageOf: (index: number) => number,
): tf.Tensor4D {
  const { height, width, channels } = imageShape(images);
  const quarters = turns.map((turn) => ((turn % 4) + 4) % 4);
  if (height !== width && quarters.some((turn) => turn % 2 === 1)) {
    throw new SitError(
      "bad-shape",
      `images: expected square ones for quarter turns, got ${height} x ${width}`,
    );
  }
  const size = height * width;
  const maps = [0, 1, 2, 3].map((turn) =>
    quarters.includes(turn) ? sourceOf(turn, height, width) : undefined,
  );
  const sources = new Int32Array(turns.length * size);
  quarters.forEach((turn, i) => {
    const offset = imageOf(i) * size;
    const map = maps[turn] as Int32Array;
    for (let pixel = 0; pixel < size; pixel++) sources[i * size + pixel] = offset + (map[pixel] as number);
  });
  return takePixels(images, sources, [turns.length, height, width, channels]) as tf.Tensor4D;
}

/** For each pixel of an image turned so, which pixel of the image it was. */
function sourceOf(turn: number, height: number, width: number): Int32Array {
  return Int32Array.from({ length: height * width }, (_, pixel) => {
    const [y, x] = [Math.floor(pixel / width), pixel % width];
    if (turn === 0) return pixel;
    if (turn === 1) return x * width + (width - 1 - y);
    if (turn === 2) return height * width - 1 - pixel;
    return (height - 1 - x) * width + y;
  });
}
