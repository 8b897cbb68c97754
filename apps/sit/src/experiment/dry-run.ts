import { adamW, disposeState, initState, pretrain } from "@sitjs/train";
import { checkpointBytes } from "./plan.js";
import { initialStream, pretrainOptions } from "./pretrain-options.js";
import { stage } from "./reporter.js";
import type { PretrainingOptions } from "./training-options.js";
import { observer } from "./watching/observer.js";

/** What a few real steps say of a run; plain data. */
export interface Estimate {
  /** Steps that were timed, after those that were not. */
  readonly timedSteps: number;
  readonly totalSteps: number;
  /** Of a step, loading included. */
  readonly secondsPerStep: Spread;
  /** Of all steps; looks and checkpoints come on top. */
  readonly seconds: Spread;
  /** The most memory the process has had in these steps, in bytes; with checkpoints and looks it may be more. */
  readonly peakMemoryBytes: number;
  /** Of all checkpoints that are kept at a time, the best one included, in bytes. */
  readonly checkpointBytes: number;
}

/** The median, and the quickest and the slowest. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

const WARM_UP_STEPS = 2;
const TIMED_STEPS = 8;

/** Tells a run's plan, does its first steps as they will be, writes nothing, and says what the whole run will take. */
export async function dryRun(options: PretrainingOptions): Promise<Estimate> {
  const { method, loader, settings, seed, report, signal, maximumSteps } = options;
  const totalSteps = maximumSteps ?? settings.epochs * loader.stepsPerEpoch;
  const trials = Math.min(totalSteps, WARM_UP_STEPS + TIMED_STEPS);
  const initial = initState(method, adamW(), initialStream(seed));
  const kept = (settings.keepCheckpoints + 1) * checkpointBytes(initial);
  observer({ ...options, totalSteps, state: initial });
  const times = await stage(report, "Trial steps", { total: trials, unit: "steps" }, async ({ progress }) => {
    const run = pretrain(method, loader, {
      ...pretrainOptions(method, settings, totalSteps),
      seed,
      signal,
      initial,
    });
    const taken: number[] = [];
    let began = performance.now();
    for await (const { step, state } of run) {
      taken.push((performance.now() - began) / 1000);
      progress({ done: step + 1 });
      // The last state of a run is the caller's; before, leaving the loop disposes it.
      if (step + 1 === totalSteps) disposeState(state);
      if (step + 1 === trials) break;
      began = performance.now();
    }
    return taken;
  });
  const timed = times.slice(Math.min(WARM_UP_STEPS, times.length - 1)).sort((a, b) => a - b);
  const middle = timed.length / 2;
  const median = ((timed[Math.ceil(middle) - 1] as number) + (timed[Math.floor(middle)] as number)) / 2;
  const secondsPerStep = { median, low: timed[0] as number, high: timed.at(-1) as number };
  const whole = (seconds: number) => seconds * totalSteps;
  return {
    timedSteps: timed.length,
    totalSteps,
    secondsPerStep,
    seconds: { median: whole(median), low: whole(secondsPerStep.low), high: whole(secondsPerStep.high) },
    // In kilobytes on every platform.
    peakMemoryBytes: 1024 * process.resourceUsage().maxRSS,
    checkpointBytes: kept,
  };
}
