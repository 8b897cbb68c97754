import { type Precision, randomStream, requireOption, SitError } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { type BatchSource, type Duration, durationInSteps, type ImageBatch } from "./loader.js";
import type { Method } from "./method.js";
import { adamW, type Optimizer } from "./optimizer.js";
import { cosineSchedule, type Schedule, scaledLearningRate } from "./schedules.js";
import {
  disposeState,
  initState,
  type StepResult,
  type StepSettings,
  type TrainState,
  trainStep,
} from "./step.js";

/** Per-step settings; SiT's defaults, see `REFERENCE` in the docs. */
export interface PretrainSettings {
  /** Peak learning rate for a batch of 256, scaled to the batch (default 5e-4). */
  learningRate?: number;
  /** Where the cosine ends (default 1e-6). */
  finalLearningRate?: number;
  /** Linear warm-up in epochs (default 10, at most a tenth of the run). */
  warmupEpochs?: number;
  /** Weight decay at the start and at the end of a cosine (default [0.04, 0.1]). */
  weightDecay?: readonly [number, number];
  /** Teacher momentum at the start; goes to 1 by a cosine (default 0.996). */
  momentum?: number;
  /** Schedules of your own, by step, instead of the settings above. */
  schedules?: Partial<{ learningRate: Schedule; weightDecay: Schedule; momentum: Schedule }>;
  /** Default `adamW({ clipping: { perParameter: 3 } })`. */
  optimizer?: Optimizer;
  /** Of matrix products (default "float32"; "bfloat16" is faster): see `withPrecision` of `@sitjs/core`. */
  precision?: Precision;
  /** Any safe integer (default 0). */
  seed?: number;
  /** Saves states while it runs. */
  checkpoints?: CheckpointStore;
  /** Save every so many epochs (default 10) and at the end. */
  checkpointEvery?: number;
  /** Go on from this state, which the run takes over. */
  initial?: TrainState;
}

export type PretrainOptions = PretrainSettings & Duration;

/** Where checkpoints go; `checkpointFolder` of `@sitjs/train/node` writes files. */
export interface CheckpointStore {
  save(state: TrainState, progress: { epoch: number; step: number; totalSteps: number }): Promise<void>;
}

/** What is told after every step. */
export interface StepReport extends StepSettings {
  readonly epoch: number;
  /** From 0. */
  readonly step: number;
  readonly totalSteps: number;
  /** `loss` and its parts. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Over the last steps, images (not views) per second, loading included. */
  readonly imagesPerSecond: number;
  readonly secondsLeft: number;
  /** True for the last step of an epoch and of the run. */
  readonly epochEnd: boolean;
  /** The state after this step: borrowed, alive until the next step; the last one belongs to the caller. */
  readonly state: TrainState;
}

/**
 * Pretrains: yields a report after every step. Stop by leaving the loop; the state is then disposed.
 *
 * @throws SitError "not-finite" where the loss is NaN or infinite, naming step, parts and learning rate
 */
export async function* pretrain(
  method: Method,
  loader: BatchSource,
  options: PretrainOptions,
): AsyncGenerator<StepReport, void, void> {
  const { seed = 0, checkpoints, checkpointEvery = 10 } = options;
  const optimizer = options.optimizer ?? adamW({ clipping: { perParameter: 3 } });
  const totalSteps = durationInSteps(options, loader);
  const settingsAt = schedulesOf(options, loader, totalSteps);
  const root = randomStream(seed, "pretrain");
  let state = options.initial ?? initState(method, optimizer, root.fork("init"));
  requireOption(state.step <= totalSteps, "initial", `a state of at most ${totalSteps} steps`, state.step);
  const clock = stepClock(loader.batchSize);
  let finished = false;
  try {
    for await (const batch of loader.range(state.step, totalSteps)) {
      const step = state.step;
      const settings = settingsAt(step);
      const views = viewTensors(batch, method.views);
      let result: StepResult;
      try {
        result = trainStep(method, optimizer, state, views, root.fork("step", step), settings);
      } finally {
        for (const view of views) view.dispose();
      }
      loader.release?.(batch);
      state = result.state;
      const metrics = await readMetrics(result.metrics);
      requireFinite(metrics, step, settings);
      const last = step + 1 === totalSteps;
      const epochEnd = last || (step + 1) % loader.stepsPerEpoch === 0;
      const epoch = Math.floor(step / loader.stepsPerEpoch);
      if (checkpoints && (last || (epochEnd && (epoch + 1) % checkpointEvery === 0))) {
        await checkpoints.save(state, { epoch: epoch + 1, step: step + 1, totalSteps });
      }
      const imagesPerSecond = clock.tick();
      const secondsLeft = ((totalSteps - step - 1) * loader.batchSize) / imagesPerSecond;
      finished = last;
      yield { ...settings, epoch, step, totalSteps, metrics, imagesPerSecond, secondsLeft, epochEnd, state };
    }
  } finally {
    if (!finished) disposeState(state);
  }
}

function schedulesOf(
  options: PretrainSettings,
  loader: BatchSource,
  steps: number,
): (step: number) => StepSettings {
  const { learningRate = 5e-4, finalLearningRate = 1e-6, warmupEpochs = 10, schedules = {} } = options;
  const { weightDecay = [0.04, 0.1], momentum = 0.996 } = options;
  const warmupSteps = Math.min(Math.round(warmupEpochs * loader.stepsPerEpoch), Math.floor(steps / 10));
  const rate =
    schedules.learningRate ??
    cosineSchedule({
      base: scaledLearningRate(learningRate, loader.batchSize),
      final: finalLearningRate,
      steps,
      warmupSteps,
    });
  const decay =
    schedules.weightDecay ?? cosineSchedule({ base: weightDecay[0], final: weightDecay[1], steps });
  const follow = schedules.momentum ?? cosineSchedule({ base: momentum, final: 1, steps });
  const { precision = "float32" } = options;
  return (step) => ({
    learningRate: rate(step),
    weightDecay: decay(step),
    momentum: follow(step),
    precision,
  });
}

function viewTensors(batch: ImageBatch, wanted: number): tf.Tensor4D[] {
  if (batch.views.length < wanted) {
    throw new SitError(
      "bad-option",
      `loader: expected ${wanted} views of each image, got ${batch.views.length}`,
    );
  }
  return batch.views.slice(0, wanted).map(({ data, shape }) => tf.tensor4d(data, [...shape]));
}

async function readMetrics(metrics: Readonly<Record<string, tf.Scalar>>): Promise<Record<string, number>> {
  const entries: [string, number][] = [];
  for (const [name, value] of Object.entries(metrics))
    entries.push([name, (await value.data())[0] as number]);
  for (const value of Object.values(metrics)) value.dispose();
  return Object.fromEntries(entries);
}

function requireFinite(
  metrics: Readonly<Record<string, number>>,
  step: number,
  settings: StepSettings,
): void {
  const bad = Object.entries(metrics).filter(([, value]) => !Number.isFinite(value));
  if (bad.length === 0) return;
  const parts = Object.entries(metrics).map(([name, value]) => `${name} ${value}`);
  throw new SitError(
    "not-finite",
    `step ${step}: expected finite losses, got ${parts.join(", ")} at learning rate ${settings.learningRate}`,
    { mend: "Lower the learning rate or lengthen the warm-up; the last checkpoint is intact." },
  );
}

/** Images per second over the last few seconds. */
function stepClock(batchSize: number): { tick(): number } {
  const times = [performance.now()];
  return {
    tick() {
      times.push(performance.now());
      if (times.length > 51) times.shift();
      const seconds = ((times.at(-1) as number) - (times[0] as number)) / 1000;
      return ((times.length - 1) * batchSize) / Math.max(seconds, 1e-9);
    },
  };
}
