import { SitError } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { requireLabels } from "./metrics.js";

/** In place of 255: of that a share below 1/255 would count. */
const NOT_COUNTED = 1e30;

/** What a batch says of its images: a class each, or for each class whether it is shown. */
interface Supervision {
  readonly labels?: Int32Array | undefined;
  readonly targets?: Uint8Array | undefined;
}

/**
 * What a classification loss compares a batch's logits with: class numbers int32 [batch], or where the batch has
 * targets those, float32 [batch, classes]; what does not count is far outside of 0 to 1, and so is any share of it that
 * mixing gives to another image.
 *
 * @throws SitError "bad-option" without both, for a label that is no class and for targets of another number of classes
 */
export function batchTargets(
  { labels, targets }: Supervision,
  batch: number,
  classes: number,
): tf.Tensor1D | tf.Tensor2D {
  if (targets !== undefined) {
    requireTargetSize(targets, batch, classes);
    const values = Float32Array.from(targets, (target) => (target > 1 ? NOT_COUNTED : target));
    return tf.tensor2d(values, [batch, classes]);
  }
  if (labels === undefined) {
    throw new SitError("bad-option", "finetune: expected a loader with labels, got one without");
  }
  // The loss cannot look without waiting for the device: to it such a row has no target.
  requireLabels("labels", labels, classes);
  return tf.tensor1d(labels, "int32");
}

/** @throws SitError "bad-option" unless there are `batch` x `classes` targets */
export function requireTargetSize(targets: Uint8Array, batch: number, classes: number): void {
  if (targets.length === batch * classes) return;
  throw new SitError(
    "bad-option",
    `targets: expected those of ${batch} images and ${classes} classes, got ${targets.length} values`,
  );
}
