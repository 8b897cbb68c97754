import { maskedError, matMul2d, type ReconstructionLoss, requireOption } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { requireShape } from "./shapes.js";

export interface ChrominanceOptions {
  /**
   * What pixels were divided by when they were normalised, for red, green and blue; default 1 for each. A difference of
   * colours does not depend on the mean.
   */
  readonly deviation?: readonly [red: number, green: number, blue: number];
}

/** U and V of YUV by red, green, blue (ITU-R BT.601): 0.492 (B - Y) and 0.877 (R - Y), Y = 0.299 R + 0.587 G + 0.114 B. */
const chromaOfRgb = [
  [-0.492 * 0.299, 0.877 * (1 - 0.299)],
  [-0.492 * 0.587, -0.877 * 0.587],
  [0.492 * (1 - 0.114), -0.877 * 0.114],
] as const;

/**
 * Colourisation's loss in its simplest published form: the mean squared error of both chrominance channels of YUV
 * (Cheng, Yang and Sheng 2015, "Deep colorization"), over the pixels that the mask counts; 0 where it counts none. What
 * the network makes of the brightness, which it is given, is left free. (Zhang, Isola and Efros 2016 classify quantised
 * colours instead, which gives livelier ones.)
 *
 * @throws SitError "bad-option" for the deviation; from `loss` "bad-shape", also for images without three channels
 */
export function chrominanceL2({ deviation = [1, 1, 1] }: ChrominanceOptions = {}): ReconstructionLoss {
  requireOption(
    deviation.length === 3 && deviation.every((d) => Number.isFinite(d) && d > 0),
    "deviation",
    "three finite numbers above 0",
    deviation,
  );
  return {
    name: "chrominance-l2",
    settings: { deviation: [...deviation] },
    loss(reconstruction, clean, mask) {
      const [batch, height, width] = reconstruction.shape;
      const colours = reconstruction.rank === 4 && reconstruction.shape[3] === 3;
      requireShape(colours, "reconstruction", "[batch, height, width, 3]", reconstruction);
      const alike = clean.shape.join() === reconstruction.shape.join();
      requireShape(alike, "clean", `[${reconstruction.shape.join(", ")}]`, clean);
      const fits = mask.shape.join() === `${batch},${height},${width},1`;
      requireShape(fits, "mask", `[${batch}, ${height}, ${width}, 1]`, mask);
      return tf.tidy(() => {
        // Linear, so the chrominance of the difference is the difference of chrominances.
        const difference = tf.reshape(tf.sub(reconstruction, clean), [-1, 3]) as tf.Tensor2D;
        const weights = tf.tensor2d(
          chromaOfRgb.map((row, i) => row.map((w) => w * (deviation[i] as number))),
        );
        const chroma = matMul2d(difference, weights);
        return maskedError(chroma, tf.zerosLike(chroma), tf.reshape(mask, [-1, 1]), { squared: true });
      });
    },
  };
}
