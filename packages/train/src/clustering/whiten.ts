import { l2Normalize, matMul2d, SitError, tidy } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";

/** Added to the variance in every direction, over their mean: directions with next to none stay small. */
const SHARE = 1e-4;

/**
 * Whitened rows of length 1: the mean taken off, uncorrelated with variance 1, then each divided by its length.
 *
 * By the Cholesky factor of the covariance in place of its eigenvectors (PCA whitening). Both results are the same but for
 * a rotation, which no distance and no length sees, so k-means does not either.
 *
 * @param features [points, features]; borrowed
 * @returns the same shape; the caller's
 * @throws SitError "not-finite" where a feature is NaN or infinite
 */
export async function whitened(features: tf.Tensor2D): Promise<tf.Tensor2D> {
  const [points, width] = features.shape;
  const covariance = tidy(() => {
    const centred = tf.sub(features, tf.mean(features, 0)) as tf.Tensor2D;
    return tf.div(matMul2d(centred, centred, true, false), points);
  });
  const values = Float64Array.from(await covariance.data());
  covariance.dispose();
  if (!values.every(Number.isFinite)) {
    throw new SitError(
      "not-finite",
      "features to be clustered: expected finite numbers, got NaN or infinity",
    );
  }
  const inverse = inverseFactor(values, width);
  return tidy(() => {
    const centred = tf.sub(features, tf.mean(features, 0)) as tf.Tensor2D;
    return l2Normalize(matMul2d(centred, tf.tensor2d(inverse, [width, width], "float32"), false, true));
  }) as tf.Tensor2D;
}

/** The inverse of the lower Cholesky factor of `matrix`, after the share of its mean variance is added: row by row. */
function inverseFactor(matrix: Float64Array, size: number): Float32Array {
  const at = (of: Float64Array, row: number, column: number) => of[row * size + column] as number;
  let trace = 0;
  for (let i = 0; i < size; i++) trace += at(matrix, i, i);
  const least = Math.max((SHARE * trace) / size, 1e-12);
  const factor = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let rest = at(matrix, row, column) + (row === column ? least : 0);
      for (let k = 0; k < column; k++) rest -= at(factor, row, k) * at(factor, column, k);
      // At least as large as what was added, but for the rounding of the covariance.
      factor[row * size + column] =
        row === column ? Math.sqrt(Math.max(rest, least)) : rest / at(factor, column, column);
    }
  }
  const inverse = new Float64Array(size * size);
  for (let column = 0; column < size; column++) {
    for (let row = column; row < size; row++) {
      let rest = row === column ? 1 : 0;
      for (let k = column; k < row; k++) rest -= at(factor, row, k) * at(inverse, k, column);
      inverse[row * size + column] = rest / at(factor, row, row);
    }
  }
  return Float32Array.from(inverse);
}
