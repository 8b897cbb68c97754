import * as tf from "@tensorflow/tfjs";
import { SitError } from "../errors.js";
import { hasKernel, runKernel } from "./backend.js";
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
  return hasKernel("SitLayerNorm") && hasKernel("SitLayerNormGrad")
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

/** What one training pass of batch norm returns: the output and the batch's own statistics. */
export interface BatchNormResult {
  readonly output: tf.Tensor2D;
  /** [features] mean of the batch. */
  readonly mean: tf.Tensor1D;
  /** [features] biased variance of the batch. */
  readonly variance: tf.Tensor1D;
}

/**
 * Batch normalisation of [batch, features] by the batch's statistics (Ioffe and Szegedy 2015).
 *
 * @param gamma, beta [features] each, or undefined for no affine part
 * @param epsilon added to the biased variance (default 1e-5, as PyTorch)
 * @throws SitError "bad-shape" for a batch below 2, or gamma or beta of another size
 */
export function batchNorm(
  x: tf.Tensor2D,
  gamma: tf.Tensor | undefined,
  beta: tf.Tensor | undefined,
  epsilon = 1e-5,
): BatchNormResult {
  const [rows, features] = x.shape;
  if (rows < 2)
    throw new SitError("bad-shape", `batchNorm: expected a training batch of at least 2, got ${rows}`);
  requireShape("batchNorm", "gamma", gamma, [features]);
  requireShape("batchNorm", "beta", beta, [features]);
  return tf.tidy(() => {
    const { mean, variance } = tf.moments(x, 0);
    const [keptMean, keptVariance] = [mean as tf.Tensor1D, variance as tf.Tensor1D];
    const normal = withGradient<tf.Tensor2D>(
      [x],
      () => {
        const inverse = tf.rsqrt(tf.add(keptVariance, epsilon));
        const value = tf.mul(tf.sub(x, keptMean), inverse) as tf.Tensor2D;
        return { value, save: [value, inverse] };
      },
      (dy, saved) => {
        const [y, inverse] = saved as [tf.Tensor2D, tf.Tensor];
        const dyMean = tf.div(sumRows(dy), rows);
        const dyyMean = tf.div(sumRows(tf.mul(dy, y) as tf.Tensor2D), rows);
        return [tf.mul(tf.sub(tf.sub(dy, dyMean), tf.mul(y, dyyMean)), inverse)];
      },
    );
    const scaled = gamma === undefined ? normal : tf.mul(normal, gamma);
    const output = (beta === undefined ? scaled : tf.add(scaled, beta)) as tf.Tensor2D;
    return { output, mean: keptMean, variance: keptVariance };
  });
}

/**
 * Batch normalisation of [batch, features] by given running statistics (evaluation mode).
 *
 * @throws SitError "bad-shape" where the statistics, gamma or beta are not [features]
 */
export function batchNormInference(
  x: tf.Tensor2D,
  mean: tf.Tensor,
  variance: tf.Tensor,
  gamma: tf.Tensor | undefined,
  beta: tf.Tensor | undefined,
  epsilon = 1e-5,
): tf.Tensor2D {
  const vectors = { mean, variance, gamma, beta };
  for (const [option, vector] of Object.entries(vectors)) {
    requireShape("batchNormInference", option, vector, [x.shape[1]]);
  }
  return tf.tidy(() => {
    const normal = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, epsilon)));
    const scaled = gamma === undefined ? normal : tf.mul(normal, gamma);
    return (beta === undefined ? scaled : tf.add(scaled, beta)) as tf.Tensor2D;
  });
}
