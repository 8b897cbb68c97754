// What is asked of every method, whatever it computes.
import { disposeParams, isBuffer, type Params, pick, randomStream, tidy } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { Method } from "../src/method.js";
import { type AdamWOptions, adamW } from "../src/optimizer.js";
import {
  computeStep,
  disposeState,
  disposeStep,
  initState,
  type TrainState,
  trainStep,
} from "../src/step.js";
import { firstPosition } from "./first-position.js";
import { bits } from "./runs.js";

/** Views of random pixels, [batch, size, size, channels] each. */
export function randomViews(of: {
  views: number;
  batch: number;
  size: number;
  channels?: number;
}): tf.Tensor4D[] {
  const { views, batch, size, channels = 3 } = of;
  return Array.from({ length: views }, (_, view) => {
    const values = new Float32Array(batch * size * size * channels);
    return tf.tensor4d(randomStream(0, "views", view).fillNormal(values), [batch, size, size, channels]);
  });
}

/** Steps from the method's first parameters on the same views, each with draws of its own. */
export function fewSteps(
  method: Method,
  views: readonly tf.Tensor4D[],
  { steps = 3, learningRate = 1e-3, seed = 0, ...options }: FewSteps = {},
): { losses: number[]; tensors: number[]; state: TrainState } {
  const optimizer = adamW(options);
  let state = initState(method, optimizer, randomStream(seed, "init"));
  const [losses, tensors] = [[] as number[], [] as number[]];
  for (let step = 0; step < steps; step++) {
    const input = { views, rng: randomStream(seed, "step", step) };
    const result = trainStep(method, optimizer, state, input, {
      learningRate,
      weightDecay: 0.05,
      momentum: 0.99,
    });
    losses.push(result.metrics.loss?.dataSync()[0] as number);
    disposeParams(result.metrics);
    state = result.state;
    tensors.push(tf.memory().numTensors);
  }
  return { losses, tensors, state };
}

export interface FewSteps extends AdamWOptions {
  steps?: number;
  learningRate?: number;
  seed?: number;
}

/** How many tensors the last step of three has left, beside the state that it replaced. */
export function tensorsOfAStep(method: Method, views: readonly tf.Tensor4D[]): number {
  const { tensors, state } = fewSteps(method, views);
  disposeState(state);
  return (tensors[2] as number) - (tensors[1] as number);
}

/** Losses and final parameters of three steps, to compare with those of another run. */
export function resultOfSteps(method: Method, views: readonly tf.Tensor4D[], seed = 0) {
  const { losses, state } = fewSteps(method, views, { seed });
  const result = { losses, student: bits(state.student) };
  disposeState(state);
  return result;
}

/**
 * How far each named parameter's gradient is from central differences of the whole method's loss, along a random
 * direction, over the size of the gradient: a derivative along all elements at once sees each of them.
 */
export function directionalErrors(
  method: Method,
  views: readonly tf.Tensor4D[],
  { step = 1e-2, names }: { step?: number; names?: readonly string[] } = {},
): Record<string, number> {
  const state = initState(method, adamW(), randomStream(3, "init"));
  const rng = () => randomStream(3, "step");
  const lossAt = (student: Params): number =>
    tidy(() => {
      const { teacher } = state;
      const prepared = method.prepare({ views, student, teacher, rng: rng(), position: firstPosition });
      return prepared.loss(student).loss.dataSync()[0] as number;
    });
  const computed = computeStep(method, state, { views, rng: rng() });
  const trained = names ?? Object.keys(pick(state.student, (name) => !isBuffer(name)));
  const errors = trained.map((name) => {
    const tensor = state.student[name] as tf.Tensor;
    const gradient = (computed.gradients[name] as tf.Tensor).dataSync();
    const size = Math.hypot(...gradient);
    const random = randomStream(3, "direction", name).fillNormal(new Float32Array(tensor.size));
    // Along the gradient and along something else: neither can be all zero where the gradient is not.
    const direction = random.map(
      (value, i) => value / Math.sqrt(tensor.size) + (gradient[i] as number) / size,
    );
    const at = (distance: number) => {
      const values = tensor.dataSync().map((value, i) => value + distance * (direction[i] as number));
      const moved = tf.tensor(values, tensor.shape);
      const loss = lossAt({ ...state.student, [name]: moved });
      moved.dispose();
      return loss;
    };
    const measured = (at(step) - at(-step)) / (2 * step);
    const expected = direction.reduce((sum, value, i) => sum + value * (gradient[i] as number), 0);
    return [name, Math.abs(measured - expected) / size] as const;
  });
  disposeStep(computed);
  disposeState(state);
  return Object.fromEntries(errors);
}
