import { maskedError, type ReconstructionLoss } from "@sitjs/core";
import { requireOption } from "@sitjs/core/errors";
import type * as tf from "@tensorflow/tfjs";
import { requireShape } from "./shapes.js";

export interface ReconstructionLossOptions {
  /** Compare the corrupted pixels only (default), or every pixel as a plain autoencoder does. */
  readonly over?: "masked" | "all";
}

/**
 * Mean absolute error over the corrupted pixels: SiT's reconstruction loss (Atito, Awais and Kittler 2021,
 * "SiT: Self-supervised vision Transformer"), and SimMIM's (Xie et al. 2022), which adds 1e-5 to the number of masked
 * pixels. See `l1Loss`.
 *
 * @throws SitError "bad-option" for an unknown `over`
 */
export function maskedL1({ over = "masked" }: ReconstructionLossOptions = {}): ReconstructionLoss {
  requireOver(over);
  return {
    name: over === "masked" ? "masked-l1" : "l1",
    settings: { over },
    loss: (reconstruction, clean, mask) =>
      l1Loss(reconstruction, clean, checkedMask(mask, reconstruction, over)),
  };
}

/**
 * Mean squared error over the corrupted pixels, as a context encoder has it in its hole (Pathak et al. 2016). The SiT paper
 * finds that it smooths edges where `maskedL1` keeps them. See `l2Loss`.
 *
 * @throws SitError "bad-option" for an unknown `over`
 */
export function maskedL2({ over = "masked" }: ReconstructionLossOptions = {}): ReconstructionLoss {
  requireOver(over);
  return {
    name: over === "masked" ? "masked-l2" : "l2",
    settings: { over },
    loss: (reconstruction, clean, mask) =>
      l2Loss(reconstruction, clean, checkedMask(mask, reconstruction, over)),
  };
}

/**
 * Mean of |reconstruction - clean| over the masked values of the whole batch, or over all without a mask.
 * The mean is over channels x masked pixels, so an image with more masked pixels weighs more. Where nothing is
 * masked the loss and its gradient are 0. The gradient is 0 where both images agree exactly.
 *
 * @param reconstruction, clean [batch, height, width, channels]
 * @param mask [batch, height, width, 1], 1 = counts, 0 = does not
 * @returns a scalar
 * @throws SitError "bad-shape"
 */
export function l1Loss(reconstruction: tf.Tensor4D, clean: tf.Tensor4D, mask?: tf.Tensor4D): tf.Scalar {
  return maskedMean(reconstruction, clean, mask, false);
}

/**
 * Mean of (reconstruction - clean)² over the masked values of the whole batch, or over all without a mask.
 * Where nothing is masked the loss and its gradient are 0.
 *
 * @param reconstruction, clean [batch, height, width, channels]
 * @param mask [batch, height, width, 1], 1 = counts, 0 = does not
 * @returns a scalar
 * @throws SitError "bad-shape"
 */
export function l2Loss(reconstruction: tf.Tensor4D, clean: tf.Tensor4D, mask?: tf.Tensor4D): tf.Scalar {
  return maskedMean(reconstruction, clean, mask, true);
}

function maskedMean(
  reconstruction: tf.Tensor4D,
  clean: tf.Tensor4D,
  mask: tf.Tensor4D | undefined,
  squared: boolean,
): tf.Scalar {
  const shape = reconstruction.shape;
  requireShape(
    reconstruction.rank === 4,
    "reconstruction",
    "[batch, height, width, channels]",
    reconstruction,
  );
  requireShape(clean.shape.join() === shape.join(), "clean", `[${shape.join(", ")}]`, clean);
  if (mask !== undefined) requireMask(mask, reconstruction);
  return maskedError(reconstruction, clean, mask, { squared });
}

function checkedMask(
  mask: tf.Tensor4D,
  reconstruction: tf.Tensor4D,
  over: "masked" | "all",
): tf.Tensor4D | undefined {
  requireMask(mask, reconstruction);
  return over === "masked" ? mask : undefined;
}

function requireMask(mask: tf.Tensor4D, reconstruction: tf.Tensor4D): void {
  const expected = [...reconstruction.shape.slice(0, 3), 1];
  requireShape(mask.shape.join() === expected.join(), "mask", `[${expected.join(", ")}]`, mask);
}

function requireOver(over: string): void {
  requireOption(over === "masked" || over === "all", "over", '"masked" or "all"', over);
}
