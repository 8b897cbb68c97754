import * as tf from "@tensorflow/tfjs";
import { SitError } from "../errors.js";
import { gradientsWanted, hasKernel, runKernel } from "./backend.js";
import { requireShape } from "./check.js";
import { gelu } from "./gelu.js";
import { withGradient } from "./gradient.js";
import { matMul2d, sumRows } from "./matmul.js";
import { precisionInUse, roundToBfloat16 } from "./precision.js";

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
  requireLinear("linear", x, weight, bias);
  return canFuse() ? fused(x, weight, bias, false) : composed(x, weight, bias);
}

/**
 * `gelu(x weightᵀ + bias)`, a linear layer and the exact GELU (see `gelu`) in one.
 *
 * @param x [..., in], @param weight [out, ...], @param bias [out], or undefined for none: see `linear`
 * @returns [..., out]
 * @throws SitError "bad-shape" as `linear`
 */
export function linearGelu(x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  requireLinear("linearGelu", x, weight, bias);
  if (canFuse()) return fused(x, weight, bias, true);
  return tf.tidy(() => gelu(composed(x, weight, bias)));
}

function requireLinear(what: string, x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor | undefined): void {
  const outFeatures = weight.shape[0] as number;
  const inFeatures = weight.size / outFeatures;
  if (x.shape[x.rank - 1] !== inFeatures) {
    throw new SitError(
      "bad-shape",
      `${what}: expected the last axis of x to be ${inFeatures} (weight [${weight.shape.join(", ")}]), ` +
        `got x [${x.shape.join(", ")}]`,
    );
  }
  requireShape(what, "bias", bias, [outFeatures]);
}

function canFuse(): boolean {
  return hasKernel("SitLinear") && hasKernel("SitLinearGrad");
}

function fused(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor | undefined, withGelu: boolean): tf.Tensor {
  const keep = withGelu && gradientsWanted();
  return tf.tidy(() =>
    withGradient(
      bias === undefined ? [x, weight] : [x, weight, bias],
      () => {
        const inputs = { x, weight, ...(bias && { bias }) };
        const [value, before] = runKernel("SitLinear", inputs, { gelu: withGelu, keep });
        const save = keep ? [x, weight, before as tf.Tensor] : [x, weight];
        return { value: value as tf.Tensor, save };
      },
      (dy, [savedX, savedWeight, before]) => {
        const saved = { x: savedX as tf.Tensor, weight: savedWeight as tf.Tensor };
        const gradients = runKernel("SitLinearGrad", { dy, ...saved, ...(before && { before }) });
        return bias === undefined ? gradients.slice(0, 2) : gradients;
      },
    ),
  );
}

function composed(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor | undefined): tf.Tensor {
  const outFeatures = weight.shape[0] as number;
  const inFeatures = weight.size / outFeatures;
  const operand: <T extends tf.Tensor>(tensor: T) => T =
    precisionInUse() === "bfloat16" ? roundToBfloat16 : (tensor) => tensor;
  return tf.tidy(() => {
    const rows = tf.reshape(x, [-1, inFeatures]) as tf.Tensor2D;
    const matrix = tf.reshape(weight, [outFeatures, inFeatures]) as tf.Tensor2D;
    const y = withGradient(
      bias === undefined ? [rows, matrix] : [rows, matrix, bias],
      () => {
        const [a, b] = [operand(rows), operand(matrix)];
        const product = matMul2d(a, b, false, true);
        return { value: bias === undefined ? product : tf.add(product, bias), save: [a, b] };
      },
      (dy, [savedX, savedWeight]) => {
        const d = operand(dy as tf.Tensor2D);
        const gradients: tf.Tensor[] = [
          matMul2d(d, savedWeight as tf.Tensor2D),
          matMul2d(d, savedX as tf.Tensor2D, true, false),
        ];
        if (bias !== undefined) gradients.push(sumRows(dy as tf.Tensor2D));
        return gradients;
      },
    );
    return tf.reshape(y, [...x.shape.slice(0, -1), outFeatures]);
  });
}
