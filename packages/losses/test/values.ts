import { precisions, randomStream, withPrecision } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { expect } from "vitest";

interface Found {
  readonly value: tf.Scalar;
  readonly grads: tf.Tensor[];
}

/** The number in a scalar, which goes. */
export function numberOf(loss: tf.Scalar): number {
  const number = loss.dataSync()[0] as number;
  loss.dispose();
  return number;
}

/** Standard normal numbers, the same for the same name and shape. */
export function normal<T extends tf.Tensor>(name: string, shape: readonly number[]): T {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(randomStream(7, name).fillNormal(new Float32Array(size)), [...shape]) as T;
}

/** Value and gradients of a scalar function; expects the same in either precision. */
export function valueAndGradients(f: (...inputs: tf.Tensor[]) => tf.Scalar, inputs: readonly tf.Tensor[]) {
  return tf.tidy(() => {
    // Losses are float32 in either precision: every test with this is of both.
    const [usual, low] = precisions.map((precision) =>
      withPrecision(precision, () => tf.valueAndGrads((...xs: tf.Tensor[]) => f(...xs))([...inputs])),
    ) as [Found, Found];
    for (const [i, gradient] of low.grads.entries()) {
      expect(gradient.dataSync()).toEqual((usual.grads[i] as tf.Tensor).dataSync());
    }
    expect(low.value.dataSync()).toEqual(usual.value.dataSync());
    return { value: usual.value.dataSync()[0] as number, gradients: usual.grads.map((g) => g.clone()) };
  });
}
