import { type BatchSource, type Duration, durationInSteps } from "./loader.js";
import type { Method } from "./method.js";
import { adamW, type Optimizer } from "./optimizer.js";
import { cosineSchedule, type Schedule, scaledLearningRate } from "./schedules.js";
import { type RunOptions, type StepReport, type TrainPlan, train } from "./train.js";

/** Settings of pretraining; SiT's defaults, see `REFERENCE` in the docs. */
export interface PretrainSettings extends RunOptions {
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
}

export type PretrainOptions = PretrainSettings & Duration;

/**
 * Pretrains: yields a report after every step, as `train` does, with the schedules of SiT.
 *
 * @throws SitError as `train`
 */
export async function* pretrain(
  method: Method,
  loader: BatchSource,
  options: PretrainOptions,
): AsyncGenerator<StepReport, void, void> {
  yield* train(method, loader, pretrainPlan(loader, options), options);
}

/** The plan that `pretrain` follows with these options. */
function pretrainPlan(loader: BatchSource, options: PretrainOptions): TrainPlan {
  const totalSteps = durationInSteps(options, loader);
  const { learningRate = 5e-4, finalLearningRate = 1e-6, warmupEpochs = 10, schedules = {} } = options;
  const { weightDecay = [0.04, 0.1], momentum = 0.996 } = options;
  const warmupSteps = Math.min(Math.round(warmupEpochs * loader.stepsPerEpoch), Math.floor(totalSteps / 10));
  const cosine = (base: number, final: number) => cosineSchedule({ base, final, steps: totalSteps });
  return {
    totalSteps,
    learningRate:
      schedules.learningRate ??
      cosineSchedule({
        base: scaledLearningRate(learningRate, loader.batchSize),
        final: finalLearningRate,
        steps: totalSteps,
        warmupSteps,
      }),
    weightDecay: schedules.weightDecay ?? cosine(weightDecay[0], weightDecay[1]),
    momentum: schedules.momentum ?? cosine(momentum, 1),
    optimizer: options.optimizer ?? adamW({ clipping: { perParameter: 3 } }),
    stream: "pretrain",
  };
}
