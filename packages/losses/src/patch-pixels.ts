import { maskedError, type PatchLoss, requireOption } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { requireShape } from "./shapes.js";

export interface PatchPixelsOptions {
  /** Side p of a patch in pixels; divides the images' sides. */
  readonly patchSize: number;
  /** Predict each patch with its own mean and deviation taken out (`normalizePatches`); default false. */
  readonly normalize?: boolean;
}

/**
 * MAE's loss (He et al. 2021, "Masked autoencoders are scalable vision learners"): the mean over masked patches of the
 * mean squared error of a patch's values. 0 where nothing is masked.
 *
 * @throws SitError "bad-option" for the options; from `loss` "bad-shape", with `normalize` also for patches of one value
 */
export function patchPixels({ patchSize, normalize = false }: PatchPixelsOptions): PatchLoss {
  requirePatchSize(patchSize);
  return {
    name: normalize ? "normalized-patch-pixels" : "patch-pixels",
    loss(prediction, clean, mask) {
      return tf.tidy(() => {
        const pixels = pixelPatches(clean, patchSize);
        const expected = `[${pixels.shape.join(", ")}]`;
        requireShape(prediction.shape.join() === pixels.shape.join(), "prediction", expected, prediction);
        const [batch, patches] = pixels.shape;
        requireShape(mask.shape.join() === `${batch},${patches}`, "mask", `[${batch}, ${patches}]`, mask);
        const target = normalize ? normalizePatches(pixels) : pixels;
        // The mean of patches' means over patches of one size: the mean over all masked values.
        const counted = tf.reshape(tf.cast(mask, "float32"), [batch, patches, 1]);
        return maskedError(prediction, target, counted, { squared: true });
      });
    },
  };
}

/**
 * Cuts images into patches whose values go by row, column, channel, as MAE predicts them. (`patchify` of core has the
 * order of a convolution's weights: channel, row, column.)
 *
 * @param images [batch, height, width, channels]
 * @returns [batch, rows x columns, patchSize x patchSize x channels], patches row by row
 * @throws SitError "bad-option" for the patch size, "bad-shape" where it does not divide the image
 */
export function pixelPatches(images: tf.Tensor4D, patchSize: number): tf.Tensor3D {
  requirePatchSize(patchSize);
  requireShape(images.rank === 4, "images", "[batch, height, width, channels]", images);
  const [batch, height, width, channels] = images.shape;
  const divides = height % patchSize === 0 && width % patchSize === 0;
  requireShape(divides, "images", `sides that the patch size ${patchSize} divides`, images);
  const [rows, columns] = [height / patchSize, width / patchSize];
  return tf.tidy(() => {
    const split = tf.reshape(images, [batch * rows, patchSize, columns, patchSize * channels]);
    const ordered = tf.transpose(split, [0, 2, 1, 3]);
    return tf.reshape(ordered, [batch, rows * columns, patchSize * patchSize * channels]) as tf.Tensor3D;
  });
}

/**
 * `(x - mean) / sqrt(variance + 1e-6)` of each patch by itself, with the unbiased variance (divided by one less than
 * there are values), as in MAE.
 *
 * @param patches [batch, patches, values], at least 2 values
 * @throws SitError "bad-shape"
 */
export function normalizePatches(patches: tf.Tensor3D): tf.Tensor3D {
  const values = patches.shape[2] ?? 0;
  requireShape(patches.rank === 3 && values >= 2, "patches", "[batch, patches, 2 or more values]", patches);
  return tf.tidy(() => {
    const centered = tf.sub(patches, tf.mean(patches, 2, true));
    const variance = tf.div(tf.sum(tf.square(centered), 2, true), values - 1);
    return tf.div(centered, tf.sqrt(tf.add(variance, 1e-6))) as tf.Tensor3D;
  });
}

function requirePatchSize(patchSize: number): void {
  const whole = Number.isInteger(patchSize) && patchSize >= 1;
  requireOption(whole, "patchSize", "a whole number of pixels, at least 1", patchSize);
}
