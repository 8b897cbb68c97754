import { requireOption, SitError } from "@sitjs/core";
import type { LabelledFeatures } from "./labelled-features.js";

/** How far embeddings have kept from all being the same. */
export interface CollapseMeasures {
  /**
   * Mean over the features of the standard deviation of embeddings of length 1, over 1 / sqrt(size): about 1 where they
   * point everywhere alike, 0 where all images have the same (Chen & He 2021, "Exploring simple siamese representation
   * learning", figure 2).
   */
  readonly deviation: number;
  /**
   * exp of the entropy of the singular values, as shares of their sum: from 1, one direction only, to the smaller of rows
   * and size (RankMe: Garrido, Balestriero, Najman, LeCun 2023). Of the embeddings as they are, not centred.
   */
  readonly effectiveRank: number;
  /** How many singular values are not rounding error: above max(rows, size) x float32's epsilon x the largest, as in numpy. */
  readonly rank: number;
}

/** Of float32, the precision that embeddings have. */
const EPSILON = 2 ** -23;
/** As in RankMe: the logarithm of 0 is not taken. */
const LEAST_SHARE = 1e-7;
/** A vector shorter than this has no direction. */
const LEAST_LENGTH = 1e-12;

/**
 * Deviation and ranks of embeddings, computed in double precision on the host: rows x size² products and an eigenvalue
 * decomposition of [size, size].
 *
 * @param embeddings `features` [rows x size] row by row, such as `embed` gives
 * @throws SitError "bad-option" without rows, "bad-shape" where the features are not whole rows, "not-finite" where one is
 * NaN or infinite
 */
export async function collapseMeasures({
  features,
  size,
}: Pick<LabelledFeatures, "features" | "size">): Promise<CollapseMeasures> {
  requireOption(Number.isInteger(size) && size > 0, "size", "a whole number of at least 1", size);
  requireOption(features.length > 0, "features", "at least one row", 0);
  const rows = features.length / size;
  if (!Number.isInteger(rows)) {
    throw new SitError(
      "bad-shape",
      `collapse: expected rows of ${size} features, got ${features.length} values`,
    );
  }
  if (!features.every(Number.isFinite)) {
    throw new SitError("not-finite", "collapse: expected finite features, got NaN or infinity");
  }
  const singular = await singularValues(features, rows, size);
  const largest = singular[0] as number;
  const least = largest * Math.max(rows, size) * EPSILON;
  return {
    deviation: unitDeviation(features, rows, size) * Math.sqrt(size),
    effectiveRank: effectiveRank(singular),
    rank: singular.filter((value) => value > least).length,
  };
}

/** Mean over features of the standard deviation (over all rows, n) of rows of length 1. */
function unitDeviation(features: Float32Array, rows: number, size: number): number {
  const sums = new Float64Array(size);
  const squares = new Float64Array(size);
  for (let row = 0; row < rows; row++) {
    const values = features.subarray(row * size, (row + 1) * size);
    const length = Math.max(Math.hypot(...values), LEAST_LENGTH);
    for (let k = 0; k < size; k++) {
      const value = (values[k] as number) / length;
      sums[k] = (sums[k] as number) + value;
      squares[k] = (squares[k] as number) + value * value;
    }
  }
  let total = 0;
  for (let k = 0; k < size; k++) {
    const mean = (sums[k] as number) / rows;
    total += Math.sqrt(Math.max(0, (squares[k] as number) / rows - mean * mean));
  }
  return total / size;
}

/** In descending order: roots of the eigenvalues of the smaller product of the matrix with itself. */
async function singularValues(features: Float32Array, rows: number, size: number): Promise<number[]> {
  const gram = rows < size ? rowProducts(features, rows, size) : featureProducts(features, rows, size);
  // Loaded by the first look, not by the import of the package.
  const { EigenvalueDecomposition } = await import("ml-matrix");
  const { realEigenvalues } = new EigenvalueDecomposition(gram, { assumeSymmetric: true });
  return realEigenvalues.map((value) => Math.sqrt(Math.max(0, value))).sort((a, b) => b - a);
}

/** [size, size] */
function featureProducts(features: Float32Array, rows: number, size: number): number[][] {
  const products = Array.from({ length: size }, () => new Float64Array(size));
  for (let row = 0; row < rows; row++) {
    const values = features.subarray(row * size, (row + 1) * size);
    for (let i = 0; i < size; i++) {
      const [value, line] = [values[i] as number, products[i] as Float64Array];
      for (let j = 0; j <= i; j++) line[j] = (line[j] as number) + value * (values[j] as number);
    }
  }
  return symmetric(products);
}

/** [rows, rows] */
function rowProducts(features: Float32Array, rows: number, size: number): number[][] {
  const products = Array.from({ length: rows }, () => new Float64Array(rows));
  for (let a = 0; a < rows; a++) {
    for (let b = 0; b <= a; b++) {
      let sum = 0;
      for (let k = 0; k < size; k++) {
        sum += (features[a * size + k] as number) * (features[b * size + k] as number);
      }
      (products[a] as Float64Array)[b] = sum;
    }
  }
  return symmetric(products);
}

/** The matrix whose lower triangle is given. */
function symmetric(lower: readonly Float64Array[]): number[][] {
  return lower.map((line, i) => lower.map((other, j) => (j <= i ? line[j] : other[i]) as number));
}

/** Embeddings that are all 0 point nowhere: rank 1, as if all pointed the same way. */
function effectiveRank(singular: readonly number[]): number {
  const sum = singular.reduce((a, b) => a + b, 0);
  if (sum === 0) return 1;
  const entropy = singular.reduce((total, value) => {
    const share = value / sum + LEAST_SHARE;
    return total - share * Math.log(share);
  }, 0);
  return Math.exp(entropy);
}
