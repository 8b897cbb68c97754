// What the tests of both norms share.
import * as tf from "@tensorflow/tfjs";
import { randomStream } from "../src/random.js";

/** Standard normal numbers, the same for the same path. */
export const draw = (shape: number[], ...path: (string | number)[]): tf.Tensor =>
  tf.tensor(
    randomStream(0, "norm", ...path).fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1))),
    shape,
  );

/** (x - mean) / sqrt(variance + epsilon) of one list, with the biased variance, in float64. */
export function normalise(values: readonly number[], epsilon: number): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return values.map((value) => (value - mean) / Math.sqrt(variance + epsilon));
}
