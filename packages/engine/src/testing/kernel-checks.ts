// What tests of fused kernels share: numbers to compute on, and comparisons with float64 and with the composed form.
import { randomStream, SitError } from "@sitjs/core";
import { closeness } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { expect } from "vitest";
import { registerKernels, unregisterKernels } from "../kernels/register.js";

/** Standard normal numbers times `scale`; the same for the same name and shape. */
export function draw(shape: number[], name: string, scale = 1): tf.Tensor {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  randomStream(0, name, ...shape).fillNormal(values);
  return tf.tensor(
    values.map((value) => value * scale),
    shape,
  );
}

/** The value of f at these inputs and its gradients for the cotangent dy. */
export function valueAndGradients(
  f: (...xs: tf.Tensor[]) => tf.Tensor,
  xs: tf.Tensor[],
  dy: tf.Tensor,
): tf.Tensor[] {
  return [f(...xs), ...tf.grads(f)(xs, dy)];
}

/** Largest difference at most `tolerance` of the largest expected value. */
export async function expectClose(
  actual: tf.Tensor,
  expected: ArrayLike<number>,
  tolerance: number,
): Promise<void> {
  expect(closeness(await actual.data(), expected).relativeToMax).toBeLessThanOrEqual(tolerance);
}

/** The same work with kernels and without: all its results agree to `tolerance` of the largest (0: every bit). */
export async function expectSameComposed(work: () => tf.Tensor[], tolerance: number): Promise<void> {
  registerKernels();
  const fused = work();
  unregisterKernels();
  const composed = work();
  registerKernels();
  expect(fused.length).toBe(composed.length);
  for (const [i, tensor] of fused.entries()) {
    const other = composed[i] as tf.Tensor;
    expect(tensor.shape).toEqual(other.shape);
    await expectClose(tensor, await other.data(), tolerance);
  }
}

/** Which kernels of ours `work` ran, in turn. */
export function kernelsOf(work: () => unknown): string[] {
  const engine = tf.engine() as unknown as {
    runKernel(name: string, inputs: object, attrs?: object): unknown;
  };
  const run = engine.runKernel;
  const names: string[] = [];
  engine.runKernel = (name, inputs, attrs) => {
    if (name.startsWith("Sit")) names.push(name);
    return run.call(engine, name, inputs, attrs);
  };
  try {
    work();
  } finally {
    engine.runKernel = run;
  }
  return names;
}

/** A wrong call is an error that names its kernel, and the engine computes on. */
export function expectRefused(call: () => unknown, kernel = "Sit\\w+"): void {
  expect(call).toThrow(new RegExp(`^${kernel}: `));
  expect(call).toThrow(SitError);
  expect(tf.add(1, 1).dataSync()[0]).toBe(2);
}
