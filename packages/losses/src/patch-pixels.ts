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
 * @throws SitError "bad-option" for the options; from `loss` and `images` "bad-shape", with `normalize` also for patches of one value
 */
export function patchPixels({ patchSize, normalize = false }: PatchPixelsOptions): PatchLoss {
  requirePatchSize(patchSize);
  return {
    name: normalize ? "normalized-patch-pixels" : "patch-pixels",
    settings: { patchSize, normalize },
    loss(prediction, clean, mask) {
      return tf.tidy(() => {
        const pixels = patchesOf(prediction, clean);
        const [batch, patches] = pixels.shape;
        requireShape(mask.shape.join() === `${batch},${patches}`, "mask", `[${batch}, ${patches}]`, mask);
        const target = normalize ? normalizePatches(pixels) : pixels;
        // The mean of patches' means over patches of one size: the mean over all masked values.
        const counted = tf.reshape(tf.cast(mask, "float32"), [batch, patches, 1]);
        return maskedError(prediction, target, counted, { squared: true });
      });
    },
    images(prediction, clean) {
      return tf.tidy(() => {
        const pixels = patchesOf(prediction, clean);
        const shown = normalize ? denormalizePatches(prediction, pixels) : prediction;
        return imagesOfPatches(shown, clean.shape, patchSize);
      });
    },
  };

  /** The clean image's patches, which the prediction must be shaped as. */
  function patchesOf(prediction: tf.Tensor3D, clean: tf.Tensor4D): tf.Tensor3D {
    const pixels = pixelPatches(clean, patchSize);
    const expected = `[${pixels.shape.join(", ")}]`;
    requireShape(prediction.shape.join() === pixels.shape.join(), "prediction", expected, prediction);
    return pixels;
  }
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

/** The inverse of `pixelPatches`, to images of this shape. */
function imagesOfPatches(
  patches: tf.Tensor3D,
  [batch, height, width, channels]: readonly [number, number, number, number],
  patchSize: number,
): tf.Tensor4D {
  const [rows, columns] = [height / patchSize, width / patchSize];
  const split = tf.reshape(patches, [batch * rows, columns, patchSize, patchSize * channels]);
  return tf.reshape(tf.transpose(split, [0, 2, 1, 3]), [batch, height, width, channels]) as tf.Tensor4D;
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
    const { mean, deviation } = statisticsOf(patches);
    return tf.div(tf.sub(patches, mean), deviation) as tf.Tensor3D;
  });
}

/** What `normalizePatches` has taken from `clean`, put back into patches like its result. */
function denormalizePatches(patches: tf.Tensor3D, clean: tf.Tensor3D): tf.Tensor3D {
  const { mean, deviation } = statisticsOf(clean);
  return tf.add(tf.mul(patches, deviation), mean) as tf.Tensor3D;
}

/** Of each patch by itself: [batch, patches, 1]. */
function statisticsOf(patches: tf.Tensor3D): { mean: tf.Tensor; deviation: tf.Tensor } {
  const mean = tf.mean(patches, 2, true);
  const squares = tf.sum(tf.square(tf.sub(patches, mean)), 2, true);
  const variance = tf.div(squares, patches.shape[2] - 1);
  return { mean, deviation: tf.sqrt(tf.add(variance, 1e-6)) };
}

function requirePatchSize(patchSize: number): void {
  const whole = Number.isInteger(patchSize) && patchSize >= 1;
  requireOption(whole, "patchSize", "a whole number of pixels, at least 1", patchSize);
}
