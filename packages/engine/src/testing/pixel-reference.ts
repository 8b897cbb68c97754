// The formulas of the kernels on images and of batch norm in float64, element by element.
import type { Numbers } from "./kernel-reference.js";

const at = (values: Numbers, index: number): number => values[index] as number;

/** Where each value of patches [batch, rows x columns, channels x p x p] lies in images [batch, height, width, channels]. */
export function patchPlaces(
  [batch, height, width, channels]: readonly [number, number, number, number],
  p: number,
): number[] {
  const places: number[] = [];
  for (let b = 0; b < batch; b++) {
    for (let row = 0; row < height; row += p) {
      for (let column = 0; column < width; column += p) {
        for (let c = 0; c < channels; c++) {
          for (let i = row; i < row + p; i++) {
            for (let j = column; j < column + p; j++)
              places.push(((b * height + i) * width + j) * channels + c);
          }
        }
      }
    }
  }
  return places;
}

/** Mean of |x - clean| or its square, with one mask value for `channels` values; and its gradient by x. */
export function maskedErrorReference(
  x: Numbers,
  clean: Numbers,
  mask: Numbers | undefined,
  channels: number,
  squared: boolean,
): { value: number; dx: Float64Array } {
  const weight = (i: number): number => (mask === undefined ? 1 : at(mask, Math.floor(i / channels)));
  let [sum, count] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    const difference = at(x, i) - at(clean, i);
    sum += weight(i) * (squared ? difference * difference : Math.abs(difference));
    count += weight(i);
  }
  const divisor = Math.max(1, count);
  const dx = Float64Array.from({ length: x.length }, (_, i) => {
    const difference = at(x, i) - at(clean, i);
    return ((squared ? 2 * difference : Math.sign(difference)) * weight(i)) / divisor;
  });
  return { value: sum / divisor, dx };
}

export interface BatchNormReference {
  readonly y: Float64Array;
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  readonly dx: Float64Array;
  readonly dGamma: Float64Array;
  readonly dBeta: Float64Array;
}

/** x, dy [rows, features]; gamma, beta [features] or undefined for 1 and 0. */
export function batchNormReference(
  x: Numbers,
  gamma: Numbers | undefined,
  beta: Numbers | undefined,
  dy: Numbers,
  [rows, features]: readonly [number, number],
  epsilon: number,
): BatchNormReference {
  const ofFeatures = (): Float64Array => new Float64Array(features);
  const made = {
    y: new Float64Array(rows * features),
    dx: new Float64Array(rows * features),
    mean: ofFeatures(),
    variance: ofFeatures(),
    dGamma: ofFeatures(),
    dBeta: ofFeatures(),
  };
  for (let i = 0; i < features; i++) {
    const column = Array.from({ length: rows }, (_, row) => at(x, row * features + i));
    const d = Array.from({ length: rows }, (_, row) => at(dy, row * features + i));
    const average = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / rows;
    const mean = average(column);
    const variance = average(column.map((value) => (value - mean) ** 2));
    const inverse = 1 / Math.sqrt(variance + epsilon);
    const normal = column.map((value) => (value - mean) * inverse);
    const dyMean = average(d);
    const dynMean = average(d.map((value, row) => value * at(normal, row)));
    const scale = gamma === undefined ? 1 : at(gamma, i);
    made.mean[i] = mean;
    made.variance[i] = variance;
    made.dBeta[i] = dyMean * rows;
    made.dGamma[i] = dynMean * rows;
    for (let row = 0; row < rows; row++) {
      made.y[row * features + i] = at(normal, row) * scale + (beta === undefined ? 0 : at(beta, i));
      made.dx[row * features + i] = (at(d, row) - dyMean - at(normal, row) * dynMean) * inverse * scale;
    }
  }
  return made;
}
