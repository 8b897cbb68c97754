import * as tf from "@tensorflow/tfjs";
import { SitError } from "../errors.js";
import { requireShape } from "./check.js";
import { withGradient } from "./gradient.js";
import { matMul2d, sumRows } from "./matmul.js";

/**
 * `x weightᵀ + bias` over the last axis.
 *
 * @param x [..., in]
 * @param weight [out, ...] with the remaining axes joined to `in`, as in PyTorch (also a patch convolution's)
 * @param bias [out], or undefined for none
 * @returns [..., out]
 * @throws SitError "bad-shape" where the last axis of `x` is not `in`, or the bias is not [out]
 */
export function linear(x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  const outFeatures = weight.shape[0] as number;
  const inFeatures = weight.size / outFeatures;
  if (x.shape[x.rank - 1] !== inFeatures) {
    throw new SitError(
      "bad-shape",
      `linear: expected the last axis of x to be ${inFeatures} (weight [${weight.shape.join(", ")}]), ` +
        `got x [${x.shape.join(", ")}]`,
    );
  }
  requireShape("linear", "bias", bias, [outFeatures]);
  return tf.tidy(() => {
    const rows = tf.reshape(x, [-1, inFeatures]) as tf.Tensor2D;
    const matrix = tf.reshape(weight, [outFeatures, inFeatures]) as tf.Tensor2D;
    const y = withGradient(
      bias === undefined ? [rows, matrix] : [rows, matrix, bias],
      () => {
        const product = matMul2d(rows, matrix, false, true);
        return { value: bias === undefined ? product : tf.add(product, bias), save: [rows, matrix] };
      },
      (dy, [savedX, savedWeight]) => {
        const d = dy as tf.Tensor2D;
        const gradients: tf.Tensor[] = [
          matMul2d(d, savedWeight as tf.Tensor2D),
          matMul2d(d, savedX as tf.Tensor2D, true, false),
        ];
        if (bias !== undefined) gradients.push(sumRows(d));
        return gradients;
      },
    );
    return tf.reshape(y, [...x.shape.slice(0, -1), outFeatures]);
  });
}
