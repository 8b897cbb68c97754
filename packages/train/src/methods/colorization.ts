import { requireOption, tidy } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { Method } from "../method.js";
import { type ReconstructionMethodOptions, reconstructionMethod } from "./reconstruction.js";

/**
 * Colourisation (Zhang, Isola and Efros 2016, "Colorful image colorization"; the loss as in Cheng, Yang and Sheng 2015,
 * "Deep colorization"): images go in without colour (`corruption`: `grayscale`) and `loss`, such as `chrominanceL2`, compares
 * the colours that come out with the true ones. One view, no teacher; only drop path draws.
 *
 * Brightness is known, so nothing teaches the network any: `reconstruct` shows the predicted colours at the brightness
 * that went in. For that, `corruption` must be linear in the image, as `grayscale` is.
 *
 * The paper classifies quantised colours with a convolutional network; the recipe is SiT's for vision transformers.
 *
 * @throws SitError "bad-option" for a backbone of other than 3 channels; from its steps, what the parts throw
 */
export function colorization(options: ReconstructionMethodOptions): Method {
  const { backbone, corruption } = options;
  requireOption(
    backbone.channels === 3,
    "colorization: channels of the backbone",
    "3, since grey images have no colour to learn from",
    backbone.channels,
  );
  const { reconstruct, ...method } = reconstructionMethod("colorization", options);
  return {
    ...method,
    reconstruct: (student, images, rng) =>
      tidy(() => {
        const { corrupted, mask, reconstruction } = reconstruct(student, images, rng);
        const own = corruption.corrupt(reconstruction, rng).images;
        const colours = tf.sub(reconstruction, own); // what the prediction is beside its own brightness
        return { corrupted, mask, reconstruction: tf.add(corrupted, colours) as tf.Tensor4D };
      }),
  };
}
