// A method's loss at given parameters, and its gradient element by element. At the first parameters of a narrow network the
// gradients of some tasks are lost in float32's rounding of the loss, so parameters are drawn larger here.
import { disposeParams, type Params, randomStream, tidy, trainable } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { expect } from "vitest";
import type { Method, MethodLoss, PrepareInput } from "../src/method.js";
import { lossAndGradients } from "../src/step.js";
import { firstPosition } from "./first-position.js";

type Batch = Pick<PrepareInput, "views"> & Partial<PrepareInput>;

/** A method's parameters, those that are trained drawn anew: large enough that every gradient is well above rounding. */
export function drawnParams(method: Method, deviation = 0.3): Params {
  const params = method.init(randomStream(0, "init"));
  const drawn = Object.entries(trainable(params)).map(([name, { shape, size }]) => {
    const values = randomStream(0, name).fillNormal(new Float32Array(size));
    return [name, tf.tensor(values, shape).mul(deviation)] as const;
  });
  for (const [name] of drawn) params[name]?.dispose();
  return { ...params, ...Object.fromEntries(drawn) };
}

function prepare(method: Method, student: Params, batch: Batch) {
  const rng = randomStream(0, "step");
  return method.prepare({ teacher: undefined, student, rng, position: firstPosition, ...batch });
}

/** The loss and its parts, always with the same draws. */
export function lossOf(method: Method, student: Params, batch: Batch): Record<string, number> {
  return tf.tidy(() => {
    const { loss, parts } = prepare(method, student, batch).loss(student);
    return Object.fromEntries(
      Object.entries({ loss, ...parts }).map(([name, value]) => [name, value.dataSync()[0] as number]),
    );
  });
}

/** Gradients of all trained parameters, with the same draws as `lossOf`; the caller's. */
export function gradientsOf(method: Method, student: Params, batch: Batch): Params {
  return tidy(() => {
    const prepared = prepare(method, student, batch);
    const { gradients, output } = lossAndGradients(trainable(student), student, prepared.loss);
    forget(output);
    return gradients;
  });
}

function forget({ loss, parts, buffers }: MethodLoss): void {
  for (const tensor of new Set([loss, ...Object.values(parts), ...Object.values(buffers)])) tensor.dispose();
}

/**
 * Expects the whole method's gradient to be what central differences say, at the largest element and three others of
 * each parameter named, to 2 % of the largest.
 */
export async function expectGradients(
  method: Method,
  batch: Batch,
  names: readonly string[],
  { step = 1e-2, deviation = 0.3 } = {},
): Promise<void> {
  const student = drawnParams(method, deviation);
  const gradients = gradientsOf(method, student, batch);
  for (const name of names) {
    const parameter = student[name] as tf.Tensor;
    expect(parameter, name).toBeDefined();
    const gradient = Float32Array.from(await (gradients[name] as tf.Tensor).data());
    const values = Float32Array.from(await parameter.data());
    const largest = gradient.reduce(
      (best, g, i) => (Math.abs(g) > Math.abs(gradient[best] as number) ? i : best),
      0,
    );
    const scale = Math.abs(gradient[largest] as number);
    expect(scale, `${name}: the gradient is above rounding`).toBeGreaterThan(1e-3);
    const rng = randomStream(1, name);
    const others = [0, 1, 2].map(() => rng.integer(0, gradient.length));
    for (const element of new Set([largest, ...others])) {
      const at = (delta: number) => {
        const moved = values.slice();
        moved[element] = (values[element] as number) + delta;
        const tensor = tf.tensor(moved, parameter.shape);
        const { loss } = lossOf(method, { ...student, [name]: tensor }, batch);
        tensor.dispose();
        return loss as number;
      };
      const difference = (at(step) - at(-step)) / (2 * step);
      const error = Math.abs(difference - (gradient[element] as number));
      expect(
        error / scale,
        `${name}[${element}]: ${gradient[element]}, differences say ${difference}`,
      ).toBeLessThan(0.02);
    }
  }
  disposeParams(student);
  disposeParams(gradients);
}
