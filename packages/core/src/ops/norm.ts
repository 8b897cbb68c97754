import * as tf from "@tensorflow/tfjs";
import { SitError } from "../errors.js";
import { canFuse, runKernel } from "./backend.js";
import { requireShape } from "./check.js";
import { withGradient } from "./gradient.js";
import { sumRows } from "./matmul.js";

/**
 * Layer normalisation over the last axis (Ba et al. 2016), with the biased variance.
 *
 * @param x [..., features]
 * @param gamma [features], @param beta [features]
 * @param epsilon added to the variance; vision transformers use 1e-6
 * @throws SitError "bad-shape" where the last axis of `x`, gamma and beta differ
 */
export function layerNorm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon = 1e-6): tf.Tensor {
  const features = gamma.size;
  if (x.shape[x.rank - 1] !== features) {
    throw new SitError(
      "bad-shape",
      `layerNorm: expected the last axis of x to be ${features}, got [${x.shape.join(", ")}]`,
    );
  }
  requireShape("layerNorm", "gamma", gamma, [features]);
  requireShape("layerNorm", "beta", beta, [features]);
  return canFuse(["SitLayerNorm", "SitLayerNormGrad"], [x, gamma, beta])
    ? fusedLayerNorm(x, gamma, beta, epsilon)
    : composedLayerNorm(x, gamma, beta, epsilon);
}

function fusedLayerNorm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: number): tf.Tensor {
  return tf.tidy(() =>
    withGradient<tf.Tensor>(
      [x, gamma, beta],
      () => {
        const [value, ...statistics] = runKernel("SitLayerNorm", { x, gamma, beta }, { epsilon });
        return { value: value as tf.Tensor, save: [x, gamma, ...statistics] };
      },
      (dy, saved) => {
        const [savedX, savedGamma, mean, inverse] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
        return runKernel("SitLayerNormGrad", { dy, x: savedX, gamma: savedGamma, mean, inverse });
      },
    ),
  );
}

function composedLayerNorm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: number): tf.Tensor {
  return tf.tidy(() => {
    const rows = tf.reshape(x, [-1, gamma.size]) as tf.Tensor2D;
    const y = withGradient<tf.Tensor>(
      [rows, gamma, beta],
      () => {
        const centred = tf.sub(rows, tf.mean(rows, 1, true));
        const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), epsilon)); // [rows, 1]
        const normal = tf.mul(centred, inverse);
        return { value: tf.add(tf.mul(normal, gamma), beta), save: [normal, gamma, inverse] };
      },
      (dy, saved) => {
        const [normal, savedGamma, inverse] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
        const weighted = tf.mul(dy, normal) as tf.Tensor2D;
        const d = tf.mul(dy, savedGamma);
        const dNormal = tf.mul(weighted, savedGamma);
        const dx = tf.mul(
          tf.sub(tf.sub(d, tf.mean(d, 1, true)), tf.mul(normal, tf.mean(dNormal, 1, true))),
          inverse,
        );
        return [dx, sumRows(weighted), sumRows(dy as tf.Tensor2D)];
      },
    );
    return tf.reshape(y, x.shape);
  });
}
