import * as tf from "@tensorflow/tfjs";
import { SitError } from "../errors.js";
import { canFuse, runKernel } from "./backend.js";
import { requireShape } from "./check.js";
import { withGradient } from "./gradient.js";
import { sumRows } from "./matmul.js";

/** What one training pass of batch norm returns: the output and the batch's own statistics, which pass no gradient. */
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
  return canFuse(["SitBatchStatistics", "SitBatchNorm", "SitBatchNormGrad"], [x, gamma, beta])
    ? fusedBatchNorm(x, gamma, beta, epsilon)
    : composedBatchNorm(x, gamma, beta, epsilon);
}

function fusedBatchNorm(
  x: tf.Tensor2D,
  gamma: tf.Tensor | undefined,
  beta: tf.Tensor | undefined,
  epsilon: number,
): BatchNormResult {
  return tf.tidy(() => {
    const [mean, variance] = runKernel("SitBatchStatistics", { x }) as [tf.Tensor1D, tf.Tensor1D];
    // The kernel takes both or none.
    const scale = gamma ?? (beta && tf.onesLike(beta));
    const shift = beta ?? (gamma && tf.zerosLike(gamma));
    const affine = scale && shift ? { gamma: scale, beta: shift } : undefined;
    const output = withGradient<tf.Tensor2D>(
      [x, ...Object.values(affine ?? {})],
      () => {
        const [value] = runKernel("SitBatchNorm", { x, mean, variance, ...affine }, { epsilon });
        const save = [x, mean, variance, ...(affine ? [affine.gamma] : [])];
        return { value: value as tf.Tensor2D, save };
      },
      (dy, saved) => {
        const [savedX, savedMean, savedVariance, savedGamma] = saved as [
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
          tf.Tensor | undefined,
        ];
        const inputs = { dy, x: savedX, mean: savedMean, variance: savedVariance };
        const gradients = runKernel(
          "SitBatchNormGrad",
          { ...inputs, ...(savedGamma && { gamma: savedGamma }) },
          { epsilon },
        );
        return affine ? gradients : gradients.slice(0, 1);
      },
    );
    return { output, mean, variance };
  });
}

function composedBatchNorm(
  x: tf.Tensor2D,
  gamma: tf.Tensor | undefined,
  beta: tf.Tensor | undefined,
  epsilon: number,
): BatchNormResult {
  const rows = x.shape[0];
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
