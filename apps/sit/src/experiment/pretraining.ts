import {
  adamW,
  type BatchSource,
  type CheckpointStore,
  type Method,
  pretrain,
  type TrainState,
} from "@sitjs/train";
import type { Settings } from "../settings/definitions.js";
import { type Reporter, stage } from "./reporter.js";

/** What is kept of one step. */
export interface StepRecord {
  readonly step: number;
  readonly epoch: number;
  readonly learningRate: number;
  readonly imagesPerSecond: number;
  /** `loss`, `reconstruction`, `contrast`. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Means over one epoch. */
export interface EpochRecord {
  readonly epoch: number;
  readonly imagesPerSecond: number;
  readonly learningRate: number;
  readonly metrics: Readonly<Record<string, number>>;
}

export interface PretrainingResult {
  /** Belongs to the caller. */
  readonly state: TrainState;
  readonly steps: number;
  readonly seconds: number;
  /** Over the whole run, loading included. */
  readonly imagesPerSecond: number;
  readonly epochs: readonly EpochRecord[];
  /** At most `maximumRecords`, evenly spaced. */
  readonly records: readonly StepRecord[];
}

export interface PretrainingOptions {
  readonly method: Method;
  readonly loader: BatchSource;
  readonly settings: Settings;
  readonly seed: number;
  readonly report: Reporter;
  readonly checkpoints?: CheckpointStore;
  /** Go on from here; the run takes it over. */
  readonly initial?: TrainState;
  /** Told every step, for a log. */
  readonly onStep?: (record: StepRecord) => void | Promise<void>;
  /** Ends after this many steps instead of all epochs. */
  readonly maximumSteps?: number;
  readonly signal?: AbortSignal;
}

const MAXIMUM_RECORDS = 2000;

/** Pretrains by the settings and keeps what a report needs. */
export async function pretraining(options: PretrainingOptions): Promise<PretrainingResult> {
  const { method, loader, settings, seed, report, checkpoints, initial, onStep, maximumSteps, signal } =
    options;
  const { finalLearningRate, learningRate, warmupEpochs, weightDecay, finalWeightDecay, momentum } = settings;
  const totalSteps = maximumSteps ?? settings.epochs * loader.stepsPerEpoch;
  const every = Math.ceil(totalSteps / MAXIMUM_RECORDS);
  const outcome = ({ imagesPerSecond }: PretrainingResult) => `${Math.round(imagesPerSecond)} images/s`;
  return await stage(
    report,
    "Pretraining",
    { total: totalSteps, unit: "steps", outcome },
    async ({ progress }) => {
      const started = performance.now();
      const first = initial?.step ?? 0;
      const epochs: EpochRecord[] = [];
      const records: StepRecord[] = [];
      const sums = meanOfMetrics();
      let epochStarted = started;
      let state: TrainState | undefined = initial;
      const run = pretrain(method, loader, {
        steps: totalSteps,
        seed,
        learningRate,
        finalLearningRate,
        warmupEpochs,
        weightDecay: [weightDecay, finalWeightDecay],
        momentum,
        precision: settings.precision,
        optimizer: adamW(settings.clip > 0 ? { clipping: { perParameter: settings.clip } } : {}),
        checkpoints,
        checkpointEvery: settings.checkpointEvery,
        initial,
      });
      for await (const step of run) {
        signal?.throwIfAborted();
        const { step: index, epoch, imagesPerSecond, secondsLeft, metrics } = step;
        state = step.state;
        const record = { step: index, epoch, learningRate: step.learningRate, imagesPerSecond, metrics };
        if (index % every === 0 || index + 1 === totalSteps) records.push(record);
        await onStep?.(record);
        sums.add(metrics);
        if (step.epochEnd) {
          const seconds = (performance.now() - epochStarted) / 1000;
          const rate = (sums.count() * loader.batchSize) / seconds;
          epochs.push({
            epoch,
            imagesPerSecond: rate,
            learningRate: step.learningRate,
            metrics: sums.take(),
          });
          epochStarted = performance.now();
        }
        progress({ done: index + 1, imagesPerSecond, secondsLeft, values: metrics });
      }
      const seconds = (performance.now() - started) / 1000;
      const steps = totalSteps - first;
      return {
        state: state as TrainState,
        steps,
        seconds,
        imagesPerSecond: (steps * loader.batchSize) / seconds,
        epochs,
        records,
      };
    },
  );
}

/** Means of named numbers. */
function meanOfMetrics() {
  let sums: Record<string, number> = {};
  let count = 0;
  return {
    count: () => count,
    add(metrics: Readonly<Record<string, number>>) {
      for (const [name, value] of Object.entries(metrics)) sums[name] = (sums[name] ?? 0) + value;
      count++;
    },
    take(): Record<string, number> {
      const means = Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / count]));
      sums = {};
      count = 0;
      return means;
    },
  };
}
