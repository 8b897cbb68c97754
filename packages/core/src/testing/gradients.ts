import * as tf from "@tensorflow/tfjs";
import { randomStream } from "../random.js";

export interface GradientCheck {
  /** Largest difference between the gradient and central differences, over the largest gradient. */
  readonly relativeToMax: number;
  readonly gradient: Float32Array;
  readonly differences: Float32Array;
}

/**
 * Compares the gradient of a scalar function with central differences, one element after the other: for small
 * tensors. float32 limits the agreement to about 1e-2 of the largest gradient at the default step.
 */
export async function gradientError(
  f: (x: tf.Tensor) => tf.Scalar,
  x: tf.Tensor,
  step = 1e-2,
): Promise<GradientCheck> {
  const gradientTensor = tf.grad((input) => f(input))(x);
  const gradient = Float32Array.from(await gradientTensor.data());
  gradientTensor.dispose();
  const values = Float32Array.from(await x.data());
  const at = (index: number, delta: number): number =>
    tf.tidy(() => {
      const moved = Float32Array.from(values);
      moved[index] = (values[index] as number) + delta;
      return f(tf.tensor(moved, x.shape)).dataSync()[0] as number;
    });
  const differences = Float32Array.from(values, (_, i) => (at(i, step) - at(i, -step)) / (2 * step));
  let [largest, worst] = [0, 0];
  gradient.forEach((value, i) => {
    largest = Math.max(largest, Math.abs(value));
    worst = Math.max(worst, Math.abs(value - (differences[i] as number)));
  });
  return { relativeToMax: largest === 0 ? worst : worst / largest, gradient, differences };
}

/** How steep a function is along one direction. */
export interface Slope {
  readonly gradient: number;
  readonly difference: number;
}

/**
 * Compares the gradient of a scalar function with a central difference along one direction: half the gradient's own and
 * half a drawn one, so that a gradient that is missing shows too.
 */
export function slope(
  f: (x: tf.Tensor) => tf.Scalar,
  x: tf.Tensor,
  gradient: tf.Tensor,
  step: number,
): Slope {
  return tf.tidy(() => {
    const drawn = randomStream(0, "slope").fillNormal(new Float32Array(x.size));
    const unit = (values: tf.Tensor) => tf.div(values, tf.maximum(tf.norm(values), 1e-30));
    const direction = unit(tf.add(unit(gradient), unit(tf.tensor(drawn, x.shape))));
    const at = (delta: number) => f(tf.add(x, tf.mul(direction, delta))).dataSync()[0] as number;
    return {
      gradient: tf.sum(tf.mul(gradient, direction)).dataSync()[0] as number,
      difference: (at(step) - at(-step)) / (2 * step),
    };
  });
}
