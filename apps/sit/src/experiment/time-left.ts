import type { Reporter } from "./reporter.js";

/** What a stage costs: images through the network once forward, or seconds where it is not the network's work. */
export interface PlannedStage {
  readonly stage: string;
  readonly images?: number;
  readonly seconds?: number;
}

/** A step forward and backward costs about three times a step forward. */
export const TRAINING_COST = 3;

/**
 * Adds the time left of the whole run to every progress event, by how fast the planned work has gone so far.
 * @param plan every stage of the run, in order
 */
export function withTotalTimeLeft(
  report: Reporter,
  plan: readonly PlannedStage[],
  now: () => number = () => performance.now(),
): Reporter {
  const costs = new Map(plan.map((planned) => [planned.stage, planned]));
  const finished = new Set<string>();
  let imagesDone = 0;
  let secondsSpent = 0;
  let started = now();

  return (event) => {
    if (event.event === "stage") started = now();
    if (event.event === "stage-end") {
      const { images = 0 } = costs.get(event.stage) ?? {};
      finished.add(event.stage);
      if (images > 0) {
        imagesDone += images;
        secondsSpent += (now() - started) / 1000;
      }
    }
    if (event.event !== "progress" || event.total === 0) return report(event);
    const current = costs.get(event.stage);
    const share = event.done / event.total;
    const currentImages = current?.images ?? 0;
    const doneNow = imagesDone + share * currentImages;
    const spent = secondsSpent + (currentImages > 0 ? (now() - started) / 1000 : 0);
    const secondsPerImage = doneNow > 0 ? spent / doneNow : 0;
    let left = (1 - share) * (currentImages * secondsPerImage + (current?.seconds ?? 0));
    for (const { stage, images = 0, seconds = 0 } of plan) {
      if (stage !== event.stage && !finished.has(stage)) left += images * secondsPerImage + seconds;
    }
    report({ ...event, totalSecondsLeft: left });
  };
}
