// A masking strategy: in each square of 2 x 2 patches the same number is corrupted, so that no large part of an image is
// left alone and none is wiped out.
import { type Corruption, randomNormal, requireOption, SitError } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";

export interface UniformMaskingOptions {
  /** Sides of a patch, pixels. */
  readonly patchSize: number;
  /** Corrupted patches of every four, 1 to 3; default 3, the paper's. */
  readonly hidden?: number;
}

/**
 * Uniform sampling of patches (Li et al. 2022, "Uniform Masking: Enabling MAE pre-training for pyramid-based vision
 * transformers with locality"), with standard normal noise in the place of what is hidden.
 *
 * @throws SitError "bad-option"; from `corrupt` "bad-shape" for images that squares of 2 x 2 patches do not divide
 */
export function uniformMasking({ patchSize, hidden = 3 }: UniformMaskingOptions): Corruption {
  requireOption(
    Number.isSafeInteger(patchSize) && patchSize > 0,
    "patchSize",
    "whole pixels above 0",
    patchSize,
  );
  requireOption([1, 2, 3].includes(hidden), "hidden", "1, 2 or 3 of four patches", hidden);
  const square = 2 * patchSize;
  return {
    name: `uniform(${hidden} of 4)`,
    settings: { patchSize, hidden },
    corrupt(images, rng) {
      const [batch, height, width, channels] = images.shape;
      if (images.rank !== 4 || height % square !== 0 || width % square !== 0) {
        throw new SitError(
          "bad-shape",
          `images: expected [batch, height, width, channels] with sides that ${square} divides, got [${images.shape}]`,
        );
      }
      const [rows, columns] = [height / patchSize, width / patchSize];
      const patches = new Float32Array(batch * rows * columns);
      // A stream for each image: its mask does not depend on the rest of the batch.
      const streams = Array.from({ length: batch }, (_, image) => rng.fork(image));
      for (const [image, stream] of streams.entries()) {
        for (let row = 0; row < rows; row += 2) {
          for (let column = 0; column < columns; column += 2) {
            for (const place of stream.permutation(4).subarray(0, hidden)) {
              const [y, x] = [row + (place >> 1), column + (place & 1)];
              patches[(image * rows + y) * columns + x] = 1;
            }
          }
        }
      }
      return tf.tidy(() => {
        const grid = tf.tensor4d(patches, [batch, rows, columns, 1]);
        const mask = tf.image.resizeNearestNeighbor(grid, [height, width]);
        const where = tf.cast(tf.tile(mask, [1, 1, 1, channels]), "bool");
        return { images: tf.where(where, randomNormal(images.shape, streams), images) as tf.Tensor4D, mask };
      });
    },
  };
}
