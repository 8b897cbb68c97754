import type { Estimate } from "../experiment/dry-run.js";
import { duration } from "./format.js";
import { megabytes } from "./plan.js";

/** What a dry run has found, in a few lines. */
export function estimateLines(estimate: Estimate): string[] {
  const { timedSteps, totalSteps, secondsPerStep, seconds, peakMemoryBytes, checkpointBytes } = estimate;
  const step = ({ median, low, high }: Estimate["seconds"]) =>
    `${milliseconds(median)} (${milliseconds(low)} to ${milliseconds(high)})`;
  const steps = timedSteps === 1 ? "1 step" : `${timedSteps} steps`;
  return [
    `Time of a step: ${step(secondsPerStep)}, by ${steps}`,
    `Time of all ${totalSteps} steps: about ${duration(seconds.median)} (${duration(seconds.low)} to ${duration(seconds.high)})`,
    `Memory: ${megabytes(peakMemoryBytes)} at most in these steps`,
    `Checkpoints on disk: up to ${megabytes(checkpointBytes)}`,
    "A dry run: nothing was written",
  ];
}

const milliseconds = (seconds: number) =>
  seconds < 1 ? `${Math.round(1000 * seconds)} ms` : `${seconds.toFixed(1)} s`;
