import * as tf from "@tensorflow/tfjs";
import { canFuse, runKernel } from "./backend.js";
import { requireShape } from "./check.js";
import { withGradient } from "./gradient.js";

export interface MaskedErrorOptions {
  /** The square of a difference (true) or its absolute value (default). */
  readonly squared?: boolean;
}

/**
 * Mean of |x - target|, or of its square, over the values that `mask` counts: `sum(mask x error) / max(1, count)`,
 * count = channels x sum(mask). So it is 0 where nothing counts. The gradient of the absolute value is 0 where both
 * agree exactly; a NaN stays one even where the mask is 0.
 *
 * @param x, target [..., channels] alike
 * @param mask [..., 1], 1 = counts, 0 = does not; without one all count
 * @returns a scalar
 * @throws SitError "bad-shape"
 */
export function maskedError<T extends tf.Tensor>(
  x: T,
  target: T,
  mask?: tf.Tensor,
  { squared = false }: MaskedErrorOptions = {},
): tf.Scalar {
  requireShape("maskedError", "target", target, x.shape);
  requireShape("maskedError", "mask", mask, [...x.shape.slice(0, -1), 1]);
  return canFuse(["SitMaskedError", "SitMaskedErrorGrad"], [x, target, mask])
    ? fusedError(x, target, mask, squared)
    : composedError(x, target, mask, squared);
}

function fusedError(
  x: tf.Tensor,
  target: tf.Tensor,
  mask: tf.Tensor | undefined,
  squared: boolean,
): tf.Scalar {
  return tf.tidy(() => {
    // A step of its own on the tape, so that the target's gradient is computed only on demand.
    const other = withGradient(
      [target],
      () => ({ value: tf.clone(target), save: [] }),
      (dy) => [tf.neg(dy)],
    );
    return withGradient<tf.Scalar>(
      [x, other],
      () => {
        const inputs = { x, target: other, ...(mask && { mask }) };
        const [value, count] = runKernel("SitMaskedError", inputs, { squared }) as [tf.Scalar, tf.Tensor];
        return { value, save: [x, other, count, ...(mask ? [mask] : [])] };
      },
      (dy, saved) => {
        const [savedX, savedTarget, count] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
        const savedMask = saved[3];
        const inputs = { dy, x: savedX, target: savedTarget, count, ...(savedMask && { mask: savedMask }) };
        const dx = runKernel("SitMaskedErrorGrad", inputs, { squared })[0] as tf.Tensor;
        return [dx, tf.clone(dx)];
      },
    );
  });
}

function composedError(
  x: tf.Tensor,
  target: tf.Tensor,
  mask: tf.Tensor | undefined,
  squared: boolean,
): tf.Scalar {
  return tf.tidy(() => {
    // The subtraction stays on the tape by itself, so the target's gradient is computed only on demand.
    const difference = tf.sub(x, target);
    return withGradient<tf.Scalar>(
      [difference],
      () => {
        const channels = x.shape[x.rank - 1] ?? 1;
        const count =
          mask === undefined
            ? tf.scalar(Math.max(1, difference.size))
            : tf.maximum(tf.mul(tf.sum(mask), channels), 1); // 1 where nothing is masked: 0 / 1 is 0
        const penalties = squared ? tf.square(difference) : tf.abs(difference);
        const counted = mask === undefined ? penalties : tf.mul(penalties, mask);
        const save = mask === undefined ? [difference, count] : [difference, count, mask];
        return { value: tf.div(tf.sum(counted), count) as tf.Scalar, save };
      },
      (dy, saved) => {
        const [savedDifference, count, savedMask] = saved as [tf.Tensor, tf.Tensor, tf.Tensor | undefined];
        const scale = tf.div(dy, count);
        // The mask has one value a pixel: scaling it first saves a pass over all channels.
        const weight = savedMask === undefined ? scale : tf.mul(savedMask, scale);
        const slope = squared ? tf.mul(savedDifference, 2) : tf.sign(savedDifference);
        return [tf.mul(slope, weight)];
      },
    );
  });
}
