import type { AdamWOptions } from "./optimizer.js";
import { cosineSchedule, epochCosineSchedule, type Schedule } from "./schedules.js";

/** How a paper trains its method. */
export interface Recipe {
  /** Peak learning rate for a batch of 256. */
  readonly learningRate: number;
  /** Where the learning rate ends, for schedules that go somewhere. */
  readonly finalLearningRate: number;
  /** Linear warm-up in epochs; at most a tenth of the run. */
  readonly warmupEpochs: number;
  /** The learning rate by step, from what is above. */
  learningRateSchedule(of: LearningRateShape): Schedule;
  /** Weight decay at the start and at the end of a cosine. */
  readonly weightDecay: readonly [number, number];
  /** Teacher momentum at the start; goes to 1 by a cosine. Unused without a teacher. */
  readonly momentum: number;
  /**
   * True where the teacher follows before a batch is looked at rather than after its update (MoCo v3): the same teacher,
   * with the momentum of the step that comes next.
   */
  readonly momentumOfNextStep: boolean;
  /** Moments, clipping and what decays. */
  readonly adamW: AdamWOptions;
}

/** What a learning-rate schedule is made from. */
export interface LearningRateShape {
  /** The peak, scaled to the batch. */
  readonly base: number;
  readonly final: number;
  /** All steps, warm-up included. */
  readonly steps: number;
  readonly warmupSteps: number;
}

/** MAE's and MoCo v3's schedule in steps: their code sets the rate before every step by the epoch with its fraction. */
export function fractionalCosineSchedule({ base, final, steps, warmupSteps }: LearningRateShape): Schedule {
  return epochCosineSchedule({ base, final, epochs: steps, warmupEpochs: warmupSteps });
}

/** What a recipe says of the teacher where the method has none. */
export const withoutTeacher = { momentum: 1, momentumOfNextStep: false } as const;

/** SiT's (Atito et al. 2021 and its code), and what a method has that says nothing else. */
export const sitRecipe: Recipe = {
  learningRate: 5e-4,
  finalLearningRate: 1e-6,
  warmupEpochs: 10,
  learningRateSchedule: cosineSchedule,
  weightDecay: [0.04, 0.1],
  momentum: 0.996,
  momentumOfNextStep: false,
  adamW: { clipping: { perParameter: 3 } },
};
