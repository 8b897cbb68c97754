// What is asked of every method, whatever it computes.
import { disposeParams, randomStream } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { Method } from "../src/method.js";
import { type AdamWOptions, adamW } from "../src/optimizer.js";
import { disposeState, initState, type TrainState, trainStep } from "../src/step.js";
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
