import { requireOption } from "@sitjs/core";

/** A value by step (0 is the first) or, where said so, by fractional epoch. */
export type Schedule = (at: number) => number;

/** The same value always. */
export function constantSchedule(value: number): Schedule {
  return () => value;
}

/**
 * Linear warm-up, then a half cosine, per step: the schedule of DINO and SiT.
 *
 * The warm-up goes from `warmupStart` to `base`, both included, so the first step has `warmupStart` and the first
 * step after it `base` again; the cosine divides by its own length, so `final` is approached and not reached.
 * A warm-up of one step gives just `warmupStart`. Past the end the value is `final`.
 */
export function cosineSchedule(options: {
  base: number;
  final: number;
  /** All steps, warm-up included. */
  steps: number;
  warmupSteps?: number;
  warmupStart?: number;
}): Schedule {
  const { base, final, steps, warmupSteps = 0, warmupStart = 0 } = options;
  requireOption(steps >= 1, "steps", "at least 1", steps);
  requireOption(
    warmupSteps >= 0 && warmupSteps <= steps,
    "warmupSteps",
    `0 to ${steps} (steps)`,
    warmupSteps,
  );
  const length = steps - warmupSteps;
  return (step) => {
    if (step < warmupSteps) {
      return warmupSteps === 1
        ? warmupStart
        : warmupStart + ((base - warmupStart) * step) / (warmupSteps - 1);
    }
    if (step >= steps) return final;
    return final + 0.5 * (base - final) * (1 + Math.cos((Math.PI * (step - warmupSteps)) / length));
  };
}

/**
 * Linear warm-up, then the same value until it is multiplied by `factor` at each milestone, per step: SimMIM's schedule.
 *
 * The warm-up starts at `warmupStart` and would reach `base` at step `warmupSteps`.
 */
export function stepDecaySchedule(options: {
  base: number;
  /** Steps, the first that has the new value each. */
  milestones: readonly number[];
  /** Default 0.1. */
  factor?: number;
  /** At most the first milestone. */
  warmupSteps?: number;
  warmupStart?: number;
}): Schedule {
  const { base, milestones, factor = 0.1, warmupSteps = 0, warmupStart = 0 } = options;
  const first = Math.min(...milestones);
  const warm = warmupSteps >= 0 && warmupSteps <= first;
  requireOption(warm, "warmupSteps", `0 to ${first} (the first milestone)`, warmupSteps);
  return (step) =>
    step < warmupSteps
      ? warmupStart + ((base - warmupStart) * step) / warmupSteps
      : base * factor ** milestones.filter((milestone) => step >= milestone).length;
}

/** Warm-up from 0 and half cosine by fractional epoch: the schedule of MAE and MoCo v3. */
export function epochCosineSchedule(options: {
  base: number;
  final?: number;
  epochs: number;
  warmupEpochs?: number;
}): Schedule {
  const { base, final = 0, epochs, warmupEpochs = 0 } = options;
  return (epoch) =>
    epoch < warmupEpochs
      ? (base * epoch) / warmupEpochs
      : final +
        (base - final) * 0.5 * (1 + Math.cos((Math.PI * (epoch - warmupEpochs)) / (epochs - warmupEpochs)));
}

/** MoCo v3's teacher momentum by fractional epoch: from `base` to 1 by a half cosine. */
export function epochMomentumSchedule(options: { base: number; epochs: number }): Schedule {
  const { base, epochs } = options;
  return (epoch) => 1 - 0.5 * (1 + Math.cos((Math.PI * epoch) / epochs)) * (1 - base);
}

/** The peak learning rate scaled to the batch: `base x batchSize / 256` (Goyal et al. 2017). */
export function scaledLearningRate(base: number, batchSize: number): number {
  return (base * batchSize) / 256;
}
