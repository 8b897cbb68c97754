import { type Corruption, matMul2d } from "@sitjs/core";
import { requireOption, SitError } from "@sitjs/core/errors";
import * as tf from "@tensorflow/tfjs";
import { imageShape } from "./shapes.js";

export interface CentralHoleOptions {
  /** Side of the square as a share of the image's shorter side, in (0, 1]; default 0.5, a quarter of a square image. */
  readonly side?: number;
}

/**
 * A square in the middle, filled with zeros: the mean colour of normalised images (the central region of Pathak et al.
 * 2016, "Context encoders"). The side is rounded to whole pixels, at least one; nothing is drawn.
 *
 * @throws SitError "bad-option" for the side, "bad-shape" from `corrupt`
 */
export function centralHole({ side = 0.5 }: CentralHoleOptions = {}): Corruption {
  requireOption(side > 0 && side <= 1, "side", "a share above 0 and at most 1", side);
  return {
    name: "central-hole",
    settings: { side },
    corrupt(images) {
      const { batch, height, width } = imageShape(images);
      const length = Math.max(1, Math.round(side * Math.min(height, width)));
      const [top, left] = [Math.floor((height - length) / 2), Math.floor((width - length) / 2)];
      const values = new Float32Array(height * width);
      for (let y = top; y < top + length; y++) values.fill(1, y * width + left, y * width + left + length);
      return tf.tidy(() => {
        const mask = tf.tile(tf.tensor4d(values, [1, height, width, 1]), [batch, 1, 1, 1]);
        return { images: tf.mul(images, tf.sub(1, mask)) as tf.Tensor4D, mask };
      });
    },
  };
}

type PerColour = readonly [red: number, green: number, blue: number];

export interface GrayscaleOptions {
  /** What was subtracted from pixels when they were normalised; default 0 for each colour. */
  readonly mean?: PerColour;
  /** What they were divided by; default 1 for each colour. */
  readonly deviation?: PerColour;
}

/** Shares of red, green and blue in the brightness Y (ITU-R BT.601). */
const luma: PerColour = [0.299, 0.587, 0.114];

/**
 * Takes the colour away, for colourisation: every channel gets the pixel's brightness, normalised as the channel is. The
 * mask is 1 everywhere; nothing is drawn.
 *
 * @throws SitError "bad-option"; "bad-shape" from `corrupt` for images without three channels
 */
export function grayscale({ mean = [0, 0, 0], deviation = [1, 1, 1] }: GrayscaleOptions = {}): Corruption {
  const three = (values: PerColour) => values.length === 3 && values.every(Number.isFinite);
  requireOption(three(mean), "mean", "three finite numbers", mean);
  const positive = three(deviation) && deviation.every((d) => d > 0);
  requireOption(positive, "deviation", "three finite numbers above 0", deviation);
  // Linear in the normalised values: [colour in, channel out], and what the means add to each channel.
  const weights = luma.map((share, i) => deviation.map((d) => (share * (deviation[i] as number)) / d));
  const grayOfMean = luma.reduce((sum, share, i) => sum + share * (mean[i] as number), 0);
  const offsets = mean.map((m, i) => (grayOfMean - m) / (deviation[i] as number));
  return {
    name: "grayscale",
    settings: { mean: [...mean], deviation: [...deviation] },
    corrupt(images) {
      const { batch, height, width, channels } = imageShape(images);
      if (channels !== 3) {
        throw new SitError("bad-shape", `images: expected 3 channels to make grey, got ${channels}`);
      }
      return tf.tidy(() => {
        const pixels = tf.reshape(images, [-1, 3]) as tf.Tensor2D;
        const gray = tf.add(matMul2d(pixels, tf.tensor2d(weights)), offsets);
        return {
          images: tf.reshape(gray, images.shape) as tf.Tensor4D,
          mask: tf.ones([batch, height, width, 1]) as tf.Tensor4D,
        };
      });
    },
  };
}
