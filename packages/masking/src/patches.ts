import type { Corruption } from "@sitjs/core";
import { requireOption, SitError } from "@sitjs/core/errors";
import * as tf from "@tensorflow/tfjs";
import { imageShape } from "./shapes.js";

export interface RandomPatchesOptions {
  /** Side of a patch in pixels; divides the image's sides. */
  readonly patchSize: number;
  /** Share of the patches to corrupt, in [0, 1]; rounded to whole patches. Default 0.75, as MAE. */
  readonly ratio?: number;
}

/**
 * Single patches at random, filled with zeros: the same number in every image, any choice of them equally
 * likely (the masking of He et al. 2021, "Masked autoencoders", applied to pixels).
 *
 * @throws SitError "bad-option"; from `corrupt` "bad-shape" where the patch size does not divide the image
 */
export function randomPatches({ patchSize, ratio = 0.75 }: RandomPatchesOptions): Corruption {
  requireOption(
    Number.isInteger(patchSize) && patchSize >= 1,
    "patchSize",
    "a whole number of pixels, at least 1",
    patchSize,
  );
  requireOption(ratio >= 0 && ratio <= 1, "ratio", "a share from 0 to 1", ratio);
  return {
    name: "random-patches",
    settings: { patchSize, ratio },
    corrupt(images, rng) {
      const { batch, height, width } = imageShape(images);
      if (height % patchSize !== 0 || width % patchSize !== 0) {
        throw new SitError(
          "bad-shape",
          `patchSize: expected an image with sides that ${patchSize} divides, got ${height} x ${width}`,
        );
      }
      const columns = width / patchSize;
      const patches = (height / patchSize) * columns;
      const values = new Float32Array(batch * height * width);
      for (let sample = 0; sample < batch; sample++) {
        const order = rng.fork(sample).permutation(patches);
        for (const patch of order.subarray(0, Math.round(ratio * patches))) {
          const top = Math.floor(patch / columns) * patchSize;
          const corner = (sample * height + top) * width + (patch % columns) * patchSize;
          for (let y = 0; y < patchSize; y++) {
            values.fill(1, corner + y * width, corner + y * width + patchSize);
          }
        }
      }
      return tf.tidy(() => {
        const mask = tf.tensor4d(values, [batch, height, width, 1]);
        return { images: tf.mul(images, tf.sub(1, mask)) as tf.Tensor4D, mask };
      });
    },
  };
}

/** Leaves images as they are, with an empty mask: for plain autoencoding and for comparisons. */
export function noCorruption(): Corruption {
  return {
    name: "none",
    settings: {},
    corrupt(images) {
      const { batch, height, width } = imageShape(images);
      return { images: images.clone(), mask: tf.zeros([batch, height, width, 1]) as tf.Tensor4D };
    },
  };
}
