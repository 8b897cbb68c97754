import { SitError } from "@sitjs/core/errors";
import type * as tf from "@tensorflow/tfjs";
import type { BatchSize } from "./draw.js";

/** The sizes of a batch of images; throws `SitError("bad-shape")` where it is none. */
export function imageShape(images: tf.Tensor): BatchSize {
  const [batch = 0, height = 0, width = 0, channels = 0] = images.shape;
  if (images.rank !== 4 || images.size === 0) {
    throw new SitError(
      "bad-shape",
      `images: expected [batch, height, width, channels], got [${images.shape.join(", ")}]`,
    );
  }
  return { batch, height, width, channels };
}
