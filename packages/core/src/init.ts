import * as tf from "@tensorflow/tfjs";
import type { RandomStream } from "./random.js";

/** Normal draws of the given deviation, redrawn until within ±2 (as `trunc_normal_` of timm: bounds are absolute). */
export function truncatedNormal(rng: RandomStream, shape: readonly number[], deviation = 0.02): tf.Tensor {
  const values = new Float32Array(shape.reduce((product, side) => product * side, 1));
  for (let i = 0; i < values.length; i++) {
    let draw = rng.normal() * deviation;
    while (Math.abs(draw) > 2) draw = rng.normal() * deviation;
    values[i] = draw;
  }
  return tf.tensor(values, [...shape]);
}

/** Uniform draws in ±bound. */
export function uniformTensor(rng: RandomStream, shape: readonly number[], bound: number): tf.Tensor {
  const values = new Float32Array(shape.reduce((product, side) => product * side, 1));
  for (let i = 0; i < values.length; i++) values[i] = rng.between(-bound, bound);
  return tf.tensor(values, [...shape]);
}
