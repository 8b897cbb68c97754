import * as tf from "@tensorflow/tfjs";
import { imageShape } from "./shapes.js";

/**
 * Whole pixels of a batch in another order, for content that moves without interpolation.
 *
 * @param images [batch, height, width, channels]
 * @param sources numbers of pixels, counted through the batch; as many as `shape` has without its channels
 * @param shape of the result, the channels last
 */
export function takePixels(images: tf.Tensor4D, sources: Int32Array, shape: readonly number[]): tf.Tensor {
  return tf.tidy(() => {
    const pixels = tf.reshape(images, [-1, images.shape[3]]);
    return tf.reshape(tf.gather(pixels, tf.tensor1d(sources, "int32")), [...shape]);
  });
}

/** Where a crop begins, and of which image of the batch it is. */
export interface Corner {
  readonly sample: number;
  readonly top: number;
  readonly left: number;
}

/** Crops of one size: [corners, height, width, channels]. Every crop must lie inside its image. */
export function takeCrops(
  images: tf.Tensor4D,
  corners: readonly Corner[],
  height: number,
  width: number,
): tf.Tensor4D {
  const { height: rows, width: columns, channels } = imageShape(images);
  const sources = new Int32Array(corners.length * height * width);
  let next = 0;
  for (const { sample, top, left } of corners) {
    for (let y = 0; y < height; y++) {
      const first = (sample * rows + top + y) * columns + left;
      for (let x = 0; x < width; x++) sources[next++] = first + x;
    }
  }
  return takePixels(images, sources, [corners.length, height, width, channels]) as tf.Tensor4D;
}
