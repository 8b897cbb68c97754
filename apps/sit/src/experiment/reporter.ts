import type { LeftOutImage } from "./left-out.js";
import type { RunPlan } from "./plan.js";
import type { WatchRecord } from "./watching/record.js";

/** What an experiment tells while it runs; also the lines of the JSON mode. */
export type ExperimentEvent =
  /** Something worth a line. */
  | { readonly event: "note" | "warning"; readonly text: string }
  /** A stage begins; `total` is how many of `unit` it has, where that is known. */
  | { readonly event: "stage"; readonly stage: string; readonly total?: number; readonly unit?: string }
  | ProgressEvent
  | {
      readonly event: "stage-end";
      readonly stage: string;
      readonly seconds: number;
      /** What came out, for a person: `accuracy 0.81`. */
      readonly outcome?: string;
    }
  /** What a pretraining is about to do. */
  | ({ readonly event: "plan" } & RunPlan)
  /** What a look at a pretraining has found. */
  | ({ readonly event: "watch" } & WatchRecord)
  /** An image that the run goes on without. */
  | ({ readonly event: "left-out" } & LeftOutImage)
  /** The run was stopped; where it was saved, and how to go on. */
  | {
      readonly event: "stopped";
      readonly signal: string;
      readonly checkpoint?: string;
      readonly step?: number;
      readonly done?: string;
      readonly resume?: string;
    };

export interface ProgressEvent {
  readonly event: "progress";
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  readonly unit?: string;
  readonly imagesPerSecond?: number;
  readonly secondsLeft?: number;
  /** For the whole run, where it has several stages. */
  readonly totalSecondsLeft?: number;
  /** Current losses and the like. */
  readonly values?: Readonly<Record<string, number>>;
}

/** Takes events; the experiment itself prints nothing. */
export type Reporter = (event: ExperimentEvent) => void;

/** A stage that is under way. */
export interface Stage {
  progress(progress: Omit<ProgressEvent, "event" | "stage" | "total"> & { total?: number }): void;
}

/** Runs `work` as a stage: told when it begins, how it goes, and when it ends. */
export async function stage<T>(
  report: Reporter,
  name: string,
  options: { total?: number; unit?: string; outcome?: (result: T) => string },
  work: (stage: Stage) => Promise<T> | T,
): Promise<T> {
  const { total, unit, outcome } = options;
  const started = performance.now();
  report({ event: "stage", stage: name, total, unit });
  const result = await work({
    progress: (progress) =>
      report({ event: "progress", stage: name, unit, ...progress, total: progress.total ?? total ?? 0 }),
  });
  const seconds = (performance.now() - started) / 1000;
  report({ event: "stage-end", stage: name, seconds, outcome: outcome?.(result) });
  return result;
}
