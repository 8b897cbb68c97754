import { type BatchSource, type Duration, durationInSteps } from "./loader.js";
import type { Method } from "./method.js";
import { type AdamWOptions, adamW, type Optimizer } from "./optimizer.js";
import { sitRecipe } from "./recipe.js";
import { cosineSchedule, type Schedule, scaledLearningRate } from "./schedules.js";
import { type RunOptions, type StepReport, type TrainPlan, train } from "./train.js";

/** Settings of pretraining; what is left out is as in the method's recipe, the settings of its paper (SiT's in brackets). */
export interface PretrainSettings extends RunOptions {
  /** Peak learning rate for a batch of 256, scaled to the batch (5e-4). */
  learningRate?: number;
  /** Where the cosine ends (1e-6). */
  finalLearningRate?: number;
  /** Linear warm-up in epochs, at most a tenth of the run (10). */
  warmupEpochs?: number;
  /** Weight decay at the start and at the end of a cosine ([0.04, 0.1]). */
  weightDecay?: readonly [number, number];
  /** Teacher momentum at the start; goes to 1 by a cosine (0.996). */
  momentum?: number;
  /** Schedules of your own, by step, instead of the settings above. */
  schedules?: Partial<{ learningRate: Schedule; weightDecay: Schedule; momentum: Schedule }>;
  /** Single settings of AdamW (`{ clipping: { perParameter: 3 } }`); a key that is undefined takes one of the recipe away. */
  adamW?: AdamWOptions;
  /** Another optimizer than AdamW by recipe and `adamW`. */
  optimizer?: Optimizer;
}

/** What a plan needs to know of the loader. */
export type PlannedLoader = Pick<BatchSource, "batchSize" | "stepsPerEpoch">;

export type PretrainOptions = PretrainSettings & Duration;

/**
 * Pretrains: yields a report after every step, as `train` does, with the schedules and the optimizer of the method's recipe.
 *
 * @throws SitError as `train`
 */
export async function* pretrain(
  method: Method,
  loader: BatchSource,
  options: PretrainOptions,
): AsyncGenerator<StepReport, void, void> {
  yield* train(method, loader, pretrainPlan(method, loader, options), options);
}

/** What `pretrain` does, with what the learning rate is made from. */
export interface PretrainPlan extends TrainPlan {
  /** For a batch of 256. */
  readonly baseLearningRate: number;
  /** Scaled to the batch: where the warm-up goes. */
  readonly peakLearningRate: number;
  readonly warmupSteps: number;
}

/** The plan that `pretrain` follows with these options. */
export function pretrainPlan(method: Method, loader: PlannedLoader, options: PretrainOptions): PretrainPlan {
  const totalSteps = durationInSteps(options, loader);
  const { recipe = sitRecipe } = method;
  const { learningRate = recipe.learningRate, warmupEpochs = recipe.warmupEpochs, schedules = {} } = options;
  const { finalLearningRate = recipe.finalLearningRate } = options;
  const { weightDecay = recipe.weightDecay, momentum = recipe.momentum } = options;
  const warmupSteps = Math.min(Math.round(warmupEpochs * loader.stepsPerEpoch), Math.floor(totalSteps / 10));
  const cosine = (base: number, final: number) => cosineSchedule({ base, final, steps: totalSteps });
  const following = cosine(momentum, 1);
  const peakLearningRate = scaledLearningRate(learningRate, loader.batchSize);
  return {
    totalSteps,
    learningRate:
      schedules.learningRate ??
      recipe.learningRateSchedule({
        base: peakLearningRate,
        final: finalLearningRate,
        steps: totalSteps,
        warmupSteps,
      }),
    weightDecay: schedules.weightDecay ?? cosine(weightDecay[0], weightDecay[1]),
    momentum: schedules.momentum ?? (recipe.momentumOfNextStep ? (step) => following(step + 1) : following),
    optimizer: options.optimizer ?? adamW({ ...recipe.adamW, ...options.adamW }),
    stream: "pretrain",
    baseLearningRate: learningRate,
    peakLearningRate,
    warmupSteps,
  };
}
