import * as tf from "@tensorflow/tfjs";
import { SitError } from "../errors.js";
import { canFuse, gradientsWanted, runKernel } from "./backend.js";
import { requireShape } from "./check.js";
import { gelu } from "./gelu.js";
import { withGradient } from "./gradient.js";
import { matMul2d, sumRows } from "./matmul.js";
import { operand, precisionInUse, roundToBfloat16 } from "./precision.js";
import { addBranch, type Residual } from "./residual.js";

const linearKernels = ["SitLinear", "SitLinearGrad"];

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
  return canFuse(linearKernels, [x, weight, bias])
    ? fused(x, weight, bias, { gelu: false })
    : composed(x, weight, bias);
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
  if (canFuse(linearKernels, [x, weight, bias])) return fused(x, weight, bias, { gelu: true });
  return tf.tidy(() => gelu(composed(x, weight, bias)));
}

/**
 * `onto + scale ⊙ (x weightᵀ + bias)`, a linear layer whose result is added to a residual, as `residual` would.
 *
 * @param x [batch, ..., in], @param weight [out, ...], @param bias [out], or undefined for none: see `linear`
 * @param onto [batch, ..., out], and each sample's share of the branch: see `Residual`
 * @returns [batch, ..., out]
 * @throws SitError "bad-shape" as `linear`, and where `onto` has another shape than the result
 */
export function linearResidual(
  x: tf.Tensor,
  weight: tf.Tensor,
  bias: tf.Tensor | undefined,
  residual: Residual,
): tf.Tensor {
  requireLinear("linearResidual", x, weight, bias);
  requireResidual("linearResidual", x, weight, residual);
  if (canFuse(linearKernels, [x, weight, bias, residual.onto, residual.scale])) {
    return fused(x, weight, bias, { gelu: false, residual });
  }
  return tf.tidy(() => addBranch(composed(x, weight, bias), residual));
}

/** Parameters of two linear layers: weight1 [hidden, in], bias1 [hidden], weight2 [out, hidden], bias2 [out]. */
export interface PerceptronParams {
  readonly weight1: tf.Tensor;
  readonly bias1: tf.Tensor;
  readonly weight2: tf.Tensor;
  readonly bias2: tf.Tensor;
}

/**
 * `onto + scale ⊙ (gelu(x weight1ᵀ + bias1) weight2ᵀ + bias2)`: a transformer block's perceptron, added to its residual.
 *
 * @param x [batch, ..., in]
 * @param residual `onto` [batch, ..., out], and each sample's share of the branch
 * @returns [batch, ..., out]
 * @throws SitError "bad-shape" where shapes do not fit
 */
export function perceptronResidual(x: tf.Tensor, params: PerceptronParams, residual: Residual): tf.Tensor {
  const { weight1, bias1, weight2, bias2 } = params;
  requireLinear("perceptronResidual", x, weight1, bias1);
  const hidden = weight1.shape[0] as number;
  requireShape("perceptronResidual", "weight2", weight2, [bias2.size, hidden]);
  requireResidual("perceptronResidual", x, weight2, residual);
  const tensors = [x, weight1, bias1, weight2, bias2, residual.onto, residual.scale];
  if (canFuse(["SitPerceptron", "SitPerceptronGrad"], tensors)) return fusedPerceptron(x, params, residual);
  return tf.tidy(() => {
    const expanded = gelu(operand(composed(x, weight1, bias1)));
    return addBranch(composed(expanded, weight2, bias2), residual);
  });
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

function requireResidual(what: string, x: tf.Tensor, weight: tf.Tensor, { onto, scale }: Residual): void {
  requireShape(what, "onto", onto, [...x.shape.slice(0, -1), weight.shape[0] as number]);
  requireShape(what, "scale", scale, [x.shape[0] as number]);
}

const one = (tensor: tf.Tensor | undefined): number => (tensor === undefined ? 0 : 1);

/** A kernel's inputs in order, but for those that are not there. */
function inputs(...tensors: (tf.Tensor | undefined)[]): Record<string, tf.Tensor> {
  const present = tensors.filter((tensor) => tensor !== undefined);
  return Object.fromEntries(present.map((tensor, i) => [`input ${i}`, tensor]));
}

function fused(
  x: tf.Tensor,
  weight: tf.Tensor,
  bias: tf.Tensor | undefined,
  { gelu: withGelu, residual }: { gelu: boolean; residual?: Residual },
): tf.Tensor {
  const bfloat16 = precisionInUse() === "bfloat16";
  const keep = gradientsWanted();
  const { onto, scale } = residual ?? {};
  return tf.tidy(() =>
    withGradient(
      [x, weight, ...(bias ? [bias] : []), ...(onto ? [onto] : [])],
      () => {
        const [value, before, rounded] = runKernel("SitLinear", inputs(x, weight, bias, onto, scale), {
          biases: one(bias),
          ontos: one(onto),
          scales: one(scale),
          gelu: withGelu,
          keep,
          reduced: bfloat16,
        }) as [tf.Tensor, tf.Tensor, tf.Tensor];
        const save = [
          weight,
          bfloat16 ? rounded : x,
          ...(withGelu ? [before] : []),
          ...(scale ? [scale] : []),
        ];
        return { value, save: keep ? save : [] };
      },
      (dy, saved) => {
        const gradients = runKernel("SitLinearGrad", inputs(dy, ...saved), {
          xs: bfloat16 ? 0 : 1,
          roundeds: bfloat16 ? 1 : 0,
          befores: withGelu ? 1 : 0,
          scales: one(scale),
        });
        const wanted = gradients.slice(0, bias ? 3 : 2);
        return onto ? [...wanted, tf.clone(dy)] : wanted;
      },
    ),
  );
}

function fusedPerceptron(x: tf.Tensor, params: PerceptronParams, { onto, scale }: Residual): tf.Tensor {
  const bfloat16 = precisionInUse() === "bfloat16";
  const keep = gradientsWanted();
  const { weight1, bias1, weight2, bias2 } = params;
  const scales = one(scale);
  return tf.tidy(() =>
    withGradient(
      [x, weight1, bias1, weight2, bias2, onto],
      () => {
        const [value, before, roundedX, roundedBefore] = runKernel(
          "SitPerceptron",
          inputs(x, weight1, bias1, weight2, bias2, onto, scale),
          { ontos: 1, scales, keep, reduced: bfloat16 },
        ) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
        const kept = bfloat16 ? [roundedX, roundedBefore] : [x, before];
        return { value, save: keep ? [weight1, weight2, ...kept, ...(scale ? [scale] : [])] : [] };
      },
      (dy, saved) => {
        const kinds = { exacts: bfloat16 ? 0 : 2, roundeds: bfloat16 ? 2 : 0, scales };
        return [...runKernel("SitPerceptronGrad", inputs(dy, ...saved), kinds), tf.clone(dy)];
      },
    ),
  );
}

function composed(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor | undefined): tf.Tensor {
  const outFeatures = weight.shape[0] as number;
  const inFeatures = weight.size / outFeatures;
  const rounded: <T extends tf.Tensor>(tensor: T) => T =
    precisionInUse() === "bfloat16" ? roundToBfloat16 : (tensor) => tensor;
  return tf.tidy(() => {
    const rows = tf.reshape(x, [-1, inFeatures]) as tf.Tensor2D;
    const matrix = tf.reshape(weight, [outFeatures, inFeatures]) as tf.Tensor2D;
    const y = withGradient(
      bias === undefined ? [rows, matrix] : [rows, matrix, bias],
      () => {
        const [a, b] = [rounded(rows), rounded(matrix)];
        const product = matMul2d(a, b, false, true);
        return { value: bias === undefined ? product : tf.add(product, bias), save: [a, b] };
      },
      (dy, [savedX, savedWeight]) => {
        const d = rounded(dy as tf.Tensor2D);
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
