import * as tf from "@tensorflow/tfjs";

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
