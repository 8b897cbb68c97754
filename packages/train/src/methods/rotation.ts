import { type PartFunction, partRecords, type RandomStream, type RotatedImages } from "@sitjs/core";
import type * as tf from "@tensorflow/tfjs";
import type { Method } from "../method.js";
import { type ClassMethodOptions, classMethod } from "./classification.js";

export interface RotationPredictionOptions extends ClassMethodOptions {
  /**
   * From a batch of square images to turned ones and their quarter turns: `allRotations`, all four of each image as in
   * the paper, which makes the batch four times as large; or `randomRotations`, one of each.
   */
  readonly rotate: PartFunction<(images: tf.Tensor4D, rng: RandomStream) => RotatedImages>;
}

/**
 * Rotation prediction, RotNet (Gidaris, Singh and Komodakis 2018, "Unsupervised representation learning by predicting
 * image rotations"): images are turned by 0, 90, 180 or 270 degrees, and the class-like token tells by how much, by a
 * `head` of four outputs. One view, no teacher; only `rotate` and drop path draw. Part `accuracy`: the share of images
 * whose angle is told right, 1/4 by chance.
 *
 * The paper trains convolutional networks by SGD; the recipe is SiT's for vision transformers.
 *
 * @throws SitError from its steps: "bad-shape" for images that are not square, "bad-option" for a head of fewer outputs
 */
export function rotationPrediction({ rotate, ...options }: RotationPredictionOptions): Method {
  return classMethod("rotation", options, partRecords({ rotate }), rotate);
}
