import {
  cloneParams,
  disposeParams,
  isBuffer,
  type Params,
  type Precision,
  param,
  pick,
  type RandomStream,
  tidy,
  valueAndGradients,
  withPrecision,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { Method, MethodLoss } from "./method.js";
import type { Optimizer, OptimizerState } from "./optimizer.js";
import { momentumUpdate } from "./teacher.js";

/** Everything that training changes. */
export interface TrainState {
  readonly student: Params;
  readonly teacher: Params | undefined;
  readonly optimizer: OptimizerState;
  /** Steps done. */
  readonly step: number;
}

/** The settings of one step, from the schedules. */
export interface StepSettings {
  readonly learningRate: number;
  readonly weightDecay: number;
  /** Of the teacher; unused without one. */
  readonly momentum: number;
  /** Of matrix products (default "float32"); see `withPrecision` of `@sitjs/core`. */
  readonly precision?: Precision;
}

export interface StepResult {
  readonly state: TrainState;
  /** The loss and its parts, before the update; the caller disposes them. */
  readonly metrics: Readonly<Record<string, tf.Scalar>>;
}

/** The state of step 0. */
export function initState(method: Method, optimizer: Optimizer, rng: RandomStream): TrainState {
  const student = method.init(rng);
  const first = method.initTeacher(student);
  return {
    student,
    teacher: first && cloneParams(first),
    optimizer: optimizer.init(student),
    step: 0,
  };
}

export function disposeState(state: TrainState): void {
  disposeParams(state.student);
  disposeParams(state.optimizer);
  if (state.teacher) disposeParams(state.teacher);
}

/**
 * One training step: prepare, gradients, clipping and update, momentum teacher. Takes over `state` (its tensors are
 * disposed) and returns the next one; apart from state and metrics no tensor is left.
 */
export function trainStep(
  method: Method,
  optimizer: Optimizer,
  state: TrainState,
  views: readonly tf.Tensor4D[],
  rng: RandomStream,
  settings: StepSettings,
): StepResult {
  const result = tidy((): StepResult => {
    const trained = pick(state.student, (name) => !isBuffer(name));
    const { prepared, gradients, output } = withPrecision(settings.precision ?? "float32", () => {
      const prepared = method.prepare({ views, teacher: state.teacher, rng });
      return { prepared, ...lossAndGradients(trained, state.student, prepared.loss) };
    });
    const updated = optimizer.update({
      params: trained,
      gradients,
      state: state.optimizer,
      step: state.step,
      learningRate: settings.learningRate,
      weightDecay: settings.weightDecay,
      overwrite: true,
    });
    const student = replaced(state.student, { ...updated.params, ...output.buffers });
    const teacher =
      state.teacher &&
      replaced(state.teacher, {
        ...momentumUpdate(state.teacher, updated.params, settings.momentum, { overwrite: true }),
        ...prepared.teacherBuffers,
      });
    return {
      state: { student, teacher, optimizer: updated.state, step: state.step + 1 },
      metrics: { loss: output.loss, ...output.parts },
    };
  });
  disposeState(state);
  return result;
}

/**
 * The loss at `trained` and its gradient for each of them. A parameter that the loss does not depend on has gradient 0.
 *
 * @param all the student's parameters and buffers; `trained` is a part of it
 */
export function lossAndGradients(
  trained: Params,
  all: Params,
  loss: (params: Params) => MethodLoss,
): { gradients: Params; output: MethodLoss } {
  const names = Object.keys(trained);
  let output: MethodLoss | undefined;
  const { gradients: found } = valueAndGradients(() => {
    output = loss(all);
    // Inside the tape's own scope everything but the loss would go away.
    for (const kept of [output.loss, ...Object.values(output.parts), ...Object.values(output.buffers)])
      tf.keep(kept);
    return output.loss;
  }, Object.values(trained));
  const gradients = Object.fromEntries(
    names.map((name, i) => [name, found[i] ?? tf.zerosLike(param(trained, name))]),
  );
  return { gradients, output: output as MethodLoss };
}

/** `old` with the entries of `next` in their places; what `next` lacks is copied, so that `old` can be disposed. */
export function replaced(old: Params, next: Params): Params {
  return Object.fromEntries(
    Object.entries(old).map(([name, tensor]) => [name, next[name] ?? tf.clone(tensor)]),
  );
}
