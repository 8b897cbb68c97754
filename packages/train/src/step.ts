import {
  cloneParams,
  disposeParams,
  type Params,
  type Precision,
  pick,
  type RandomStream,
  tidy,
  trainable,
  valueAndGradients,
  withPrecision,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { Method, MethodLoss, PrepareInput, RunPosition } from "./method.js";
import { gradientNorms, type Optimizer, type OptimizerState } from "./optimizer.js";
import { momentumUpdate } from "./teacher.js";

/** Everything that training changes. */
export interface TrainState {
  readonly student: Params;
  readonly teacher: Params | undefined;
  readonly optimizer: OptimizerState;
  /** Steps done, those without an update included. */
  readonly step: number;
  /** Steps without an update, since their loss or gradient was not finite. */
  readonly skipped: number;
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
  // What it makes beside the student's tensors goes away; what it returns is copied.
  const teacher = tidy(() => {
    const first = method.initTeacher(student);
    return first && cloneParams(first);
  });
  return {
    student,
    teacher,
    optimizer: optimizer.init(student),
    step: 0,
    skipped: 0,
  };
}

export function disposeState(state: TrainState): void {
  disposeParams(state.student);
  disposeParams(state.optimizer);
  if (state.teacher) disposeParams(state.teacher);
}

/** What a batch has to say; nothing is changed yet. Its tensors go with `applyStep` or `disposeStep`. */
export interface ComputedStep {
  /** The loss and its parts. */
  readonly metrics: Readonly<Record<string, tf.Scalar>>;
  readonly gradients: Params;
  /** The Euclidean norm of each gradient, in their order. */
  readonly norms: tf.Tensor1D;
  /** New values of the student's and the teacher's buffers. */
  readonly buffers: Params;
  readonly teacherBuffers: Params;
}

/** A batch as tensors; see `PrepareInput` for what each part is. */
export interface StepInput
  extends Pick<PrepareInput, "views" | "indices" | "labels" | "targets" | "rng">,
    Partial<Pick<RunPosition, "totalSteps" | "stepsPerEpoch">> {}

/** Where the step is; a run whose length is not told is one epoch that ends with it. */
function positionOf({ step }: TrainState, input: StepInput): RunPosition {
  const { totalSteps = step + 1, stepsPerEpoch = totalSteps } = input;
  return { step, totalSteps, stepsPerEpoch, epoch: Math.floor(step / stepsPerEpoch) };
}

/** Loss and gradients of a batch. `state` and the input's tensors are borrowed. */
export function computeStep(
  method: Method,
  state: TrainState,
  input: StepInput,
  { precision = "float32" }: Pick<StepSettings, "precision"> = {},
): ComputedStep {
  const { views, indices, labels, targets, rng } = input;
  const position = positionOf(state, input);
  // As the optimizer counts: steps with an update.
  const updates = state.step - state.skipped;
  const frozen = (name: string) => (method.frozenSteps?.(name, position) ?? 0) > updates;
  return tidy((): ComputedStep => {
    const trained = trainable(state.student);
    const { prepared, gradients, output } = withPrecision(precision, () => {
      const { student, teacher } = state;
      const prepared = method.prepare({ views, indices, labels, targets, student, teacher, rng, position });
      return { prepared, ...lossAndGradients(trained, student, prepared.loss, frozen) };
    });
    return {
      // The loss of a method of one part may be that part.
      metrics: { loss: output.loss, ...output.parts },
      gradients,
      norms: gradientNorms(gradients),
      buffers: output.buffers,
      teacherBuffers: prepared.teacherBuffers,
    };
  });
}

/** How a step is applied. */
export interface ApplySettings extends Omit<StepSettings, "precision"> {
  /** Of the method, for this run; see `Method.frozenSteps`. */
  readonly frozenSteps?: ((name: string) => number) | undefined;
}

/**
 * Clipping, update and momentum teacher. Takes over `state` and `computed`, but for the metrics: their tensors are
 * disposed. The optimizer counts the steps with an update only.
 */
export function applyStep(
  optimizer: Optimizer,
  state: TrainState,
  computed: ComputedStep,
  { learningRate, weightDecay, momentum, frozenSteps }: ApplySettings,
): TrainState {
  const { gradients, norms, buffers, teacherBuffers } = computed;
  const next = tidy((): TrainState => {
    const updated = optimizer.update({
      params: trainable(state.student),
      gradients,
      norms,
      state: state.optimizer,
      step: state.step - state.skipped,
      learningRate,
      weightDecay,
      frozenSteps,
      overwrite: true,
    });
    const followed =
      state.teacher && momentumUpdate(state.teacher, updated.params, momentum, { overwrite: true });
    return {
      student: replaced(state.student, { ...updated.params, ...buffers }),
      teacher: state.teacher && replaced(state.teacher, { ...followed, ...teacherBuffers }),
      optimizer: updated.state,
      step: state.step + 1,
      skipped: state.skipped,
    };
  });
  disposeState(state);
  disposeUpdates(computed, next);
  return next;
}

/** Forgets a batch, metrics included. */
export function disposeStep(computed: ComputedStep): void {
  disposeParams(computed.metrics);
  disposeUpdates(computed);
}

/** Disposes all but the metrics and what `next` has taken over. */
function disposeUpdates(computed: ComputedStep, next?: TrainState): void {
  const kept = new Set([...Object.values(next?.student ?? {}), ...Object.values(next?.teacher ?? {})]);
  const { gradients, norms, buffers, teacherBuffers } = computed;
  for (const tensor of [
    norms,
    ...Object.values(gradients),
    ...Object.values(buffers),
    ...Object.values(teacherBuffers),
  ]) {
    if (!kept.has(tensor)) tensor.dispose();
  }
}

/**
 * One training step: prepare, gradients, clipping and update, momentum teacher. Takes over `state` (its tensors are
 * disposed) and returns the next one; apart from state and metrics no tensor is left. Whether the loss is finite is not
 * looked at: `pretrain` does, between `computeStep` and `applyStep`.
 */
export function trainStep(
  method: Method,
  optimizer: Optimizer,
  state: TrainState,
  input: StepInput,
  settings: StepSettings,
): StepResult {
  const position = positionOf(state, input);
  const computed = computeStep(method, state, input, settings);
  const frozenSteps = (name: string) => method.frozenSteps?.(name, position) ?? 0;
  return {
    state: applyStep(optimizer, state, computed, { ...settings, frozenSteps }),
    metrics: computed.metrics,
  };
}

/**
 * The loss at `trained` and its gradient for each of them. A parameter that the loss does not depend on has gradient 0.
 *
 * @param all the student's parameters and buffers; `trained` is a part of it
 * @param frozen those of `trained` that are not asked: their gradient is 0
 */
export function lossAndGradients(
  trained: Params,
  all: Params,
  loss: (params: Params) => MethodLoss,
  frozen: (name: string) => boolean = () => false,
): { gradients: Params; output: MethodLoss } {
  const names = Object.keys(trained).filter((name) => !frozen(name));
  let output: MethodLoss | undefined;
  const { gradients: found } = valueAndGradients(
    () => {
      output = loss(all);
      // Inside the tape's own scope everything but the loss would go away.
      for (const kept of [output.loss, ...Object.values(output.parts), ...Object.values(output.buffers)])
        tf.keep(kept);
      return output.loss;
    },
    Object.values(pick(trained, (name) => !frozen(name))),
  );
  const byName = new Map(names.map((name, i) => [name, found[i]]));
  const gradients = Object.fromEntries(
    Object.entries(trained).map(([name, tensor]) => [name, byName.get(name) ?? tf.zerosLike(tensor)]),
  );
  return { gradients, output: output as MethodLoss };
}

/** `old` with the entries of `next` in their places; what `next` lacks is copied, so that `old` can be disposed. */
export function replaced(old: Params, next: Params): Params {
  return Object.fromEntries(
    Object.entries(old).map(([name, tensor]) => [name, next[name] ?? tf.clone(tensor)]),
  );
}
