import { type Precision, SitError } from "@sitjs/core";
import type { BatchSource } from "./loader.js";
import type { Method } from "./method.js";
import type { Optimizer } from "./optimizer.js";
import type { Schedule } from "./schedules.js";

/** What a run's result depends on; a run that goes on must have the same. Plain data, saved with every checkpoint. */
export interface RunRecord {
  readonly method: string;
  readonly optimizer: string;
  readonly optimizerSettings: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly precision: Precision;
  readonly batchSize: number;
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  /** The schedules' values at `scheduleSteps` of the run. */
  readonly learningRate: readonly number[];
  readonly weightDecay: readonly number[];
  readonly momentum: readonly number[];
}

/** Schedules are functions: they are compared by their values at so many steps, the first and the last included. */
const SAMPLES = 9;

/** The steps at which a record holds the schedules' values. */
export function scheduleSteps(totalSteps: number): number[] {
  return Array.from({ length: SAMPLES }, (_, i) => Math.round((i * (totalSteps - 1)) / (SAMPLES - 1)));
}

export function runRecord(of: {
  readonly method: Method;
  readonly optimizer: Optimizer;
  readonly loader: BatchSource;
  readonly seed: number;
  readonly precision: Precision;
  readonly totalSteps: number;
  readonly schedules: {
    readonly learningRate: Schedule;
    readonly weightDecay: Schedule;
    readonly momentum: Schedule;
  };
}): RunRecord {
  const { method, optimizer, loader, seed, precision, totalSteps, schedules } = of;
  const values = (schedule: Schedule) => scheduleSteps(totalSteps).map(schedule);
  return {
    method: method.name,
    optimizer: optimizer.name,
    // As it comes back from a file.
    optimizerSettings: JSON.parse(JSON.stringify(optimizer.settings ?? {})),
    seed,
    precision,
    batchSize: loader.batchSize,
    stepsPerEpoch: loader.stepsPerEpoch,
    totalSteps,
    learningRate: values(schedules.learningRate),
    weightDecay: values(schedules.weightDecay),
    momentum: values(schedules.momentum),
  };
}

/** One setting in which two runs differ. */
export interface SettingDifference {
  readonly name: string;
  readonly saved: unknown;
  readonly now: unknown;
}

/** The entries that are not the same in both, by name; nested values are compared by their JSON. */
export function settingDifferences(
  saved: Readonly<Record<string, unknown>>,
  now: Readonly<Record<string, unknown>>,
): SettingDifference[] {
  const names = new Set([...Object.keys(saved), ...Object.keys(now)]);
  return [...names]
    .filter((name) => JSON.stringify(saved[name]) !== JSON.stringify(now[name]))
    .map((name) => ({ name, saved: saved[name], now: now[name] }));
}

/**
 * Throws unless a run that goes on is the one that was saved.
 *
 * @throws SitError "bad-option" naming every difference
 */
export function requireSameRun(saved: RunRecord, now: RunRecord): void {
  const differences = settingDifferences({ ...saved }, { ...now });
  if (differences.length === 0) return;
  const shown = differences.map(({ name, saved: before, now: after }) =>
    Array.isArray(before) && Array.isArray(after)
      ? scheduleDifference(name, before, after, saved.totalSteps)
      : `${name} ${JSON.stringify(before)} (now ${JSON.stringify(after)})`,
  );
  throw new SitError("bad-option", `resume: expected the settings of the saved run: ${shown.join("; ")}`, {
    mend: "Resume with the settings it began with, or begin a new run from its parameters.",
  });
}

function scheduleDifference(name: string, saved: number[], now: number[], totalSteps: number): string {
  const at = saved.findIndex((value, i) => value !== now[i]);
  return `${name} ${saved[at]} at step ${scheduleSteps(totalSteps)[at]} (now ${now[at]})`;
}
