// A reconstruction loss: structural similarity, which looks at the pixels around each pixel, beside the absolute error.
import { maskedError, type ReconstructionLoss, requireOption, SitError } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { boxMean } from "./box-mean.js";

export interface MaskedSsimOptions {
  /** Side of the square around each pixel that is compared, odd; default 5. */
  readonly window?: number;
  /** Share of the dissimilarity, from 0 to 1, the rest is the absolute error; default 0.84, the paper's. */
  readonly weight?: number;
}

/** Of values of deviation 1: what keeps quotients finite where a window is flat (Wang et al., with a range of 4). */
const [MEAN, VARIANCE] = [(0.01 * 4) ** 2, (0.03 * 4) ** 2];

/**
 * `weight x (1 - SSIM) + (1 - weight) x L1` over the corrupted pixels (Wang, Bovik, Sheikh, Simoncelli 2004, with a flat
 * window; mixed as Zhao, Gallo, Frosio, Kautz 2017). What is not corrupted is taken from the clean image, so that nothing
 * outside of the mask has a say.
 *
 * @throws SitError "bad-option"; "bad-shape" from `loss`
 */
export function maskedSsim({ window = 5, weight = 0.84 }: MaskedSsimOptions = {}): ReconstructionLoss {
  requireOption(
    Number.isSafeInteger(window) && window % 2 === 1,
    "window",
    "an odd number of pixels",
    window,
  );
  requireOption(weight >= 0 && weight <= 1, "weight", "a share from 0 to 1", weight);
  const mean = (x: tf.Tensor) => boxMean(x as tf.Tensor4D, window);

  return {
    name: "masked-ssim",
    settings: { window, weight },
    loss(reconstruction, clean, mask) {
      const shape = reconstruction.shape.join();
      const ofMask = [...reconstruction.shape.slice(0, 3), 1].join();
      if (reconstruction.rank !== 4 || clean.shape.join() !== shape || mask.shape.join() !== ofMask) {
        throw new SitError(
          "bad-shape",
          `clean and mask: expected [${shape}] and [${ofMask}], got [${clean.shape}] and [${mask.shape}]`,
        );
      }
      return tf.tidy(() => {
        const seen = tf.add(clean, tf.mul(tf.sub(reconstruction, clean), mask));
        const [a, b] = [mean(seen), mean(clean)];
        const variances = tf.add(
          tf.sub(mean(tf.square(seen)), tf.square(a)),
          tf.sub(mean(tf.square(clean)), tf.square(b)),
        );
        const covariance = tf.sub(mean(tf.mul(seen, clean)), tf.mul(a, b));
        const ofMeans = tf.div(
          tf.add(tf.mul(tf.mul(a, b), 2), MEAN),
          tf.add(tf.add(tf.square(a), tf.square(b)), MEAN),
        );
        const ofStructure = tf.div(tf.add(tf.mul(covariance, 2), VARIANCE), tf.add(variances, VARIANCE));
        const similarity = tf.mul(ofMeans, ofStructure);
        const masked = tf.mul(tf.sum(mask), reconstruction.shape[3]);
        const dissimilarity = tf.div(tf.sum(tf.mul(tf.sub(1, similarity), mask)), tf.maximum(masked, 1));
        const absolute = maskedError(reconstruction, clean, mask, { squared: false });
        return tf.add(tf.mul(dissimilarity, weight), tf.mul(absolute, 1 - weight)) as tf.Scalar;
      });
    },
  };
}
