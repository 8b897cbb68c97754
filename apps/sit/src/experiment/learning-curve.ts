import type { StepReport } from "@sitjs/train";

/** What is kept of one step. */
export interface StepRecord {
  /** From 0. */
  readonly step: number;
  readonly epoch: number;
  readonly learningRate: number;
  /** Over the last steps. */
  readonly imagesPerSecond: number;
  /** Of training, from the first step of the run on; pauses between its parts are not counted. */
  readonly seconds: number;
  /** Of all gradients together, before clipping. */
  readonly gradientNorm: number;
  /** The step was left without an update, since its loss or gradient was not finite. */
  readonly skipped: boolean;
  /** `loss`, and its parts. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Means over one epoch, without the steps that were skipped. */
export interface EpochRecord {
  readonly epoch: number;
  readonly imagesPerSecond: number;
  readonly learningRate: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** How a run has learned, step by step, also over several parts of it. */
export interface LearningCurve {
  add(record: StepRecord): void;
  /** Those that are complete, and the last one as far as it goes. */
  epochs(): EpochRecord[];
  /** Some of the steps, evenly spaced, at most 2000 and the last. */
  records(): StepRecord[];
  /** Of all steps so far. */
  seconds(): number;
  imagesPerSecond(): number;
}

const MAXIMUM_RECORDS = 2000;

export function learningCurve(of: {
  readonly totalSteps: number;
  readonly batchSize: number;
}): LearningCurve {
  const { totalSteps, batchSize } = of;
  const every = Math.ceil(totalSteps / MAXIMUM_RECORDS);
  const epochs: EpochRecord[] = [];
  const records: StepRecord[] = [];
  let current = means();
  let steps = 0;
  let last: StepRecord | undefined;
  let epochBegan = 0;

  const close = (): EpochRecord[] => {
    if (last === undefined || current.steps() === 0) return [];
    const { epoch, learningRate, seconds } = last;
    const imagesPerSecond = (current.steps() * batchSize) / Math.max(seconds - epochBegan, 1e-9);
    return [{ epoch, learningRate, imagesPerSecond, metrics: current.values() }];
  };
  return {
    add(record) {
      if (last !== undefined && record.epoch !== last.epoch) {
        epochs.push(...close());
        current = means();
        epochBegan = last.seconds;
      }
      last = record;
      steps++;
      current.add(record);
      if (record.step % every === 0 || record.step + 1 === totalSteps) records.push(record);
    },
    epochs: () => [...epochs, ...close()],
    records: () => records,
    seconds: () => last?.seconds ?? 0,
    imagesPerSecond: () => (steps * batchSize) / Math.max(last?.seconds ?? 0, 1e-9),
  };
}

/** What to keep of a step, `seconds` after the run's first one. */
export function stepRecord(report: StepReport, seconds: number): StepRecord {
  const { step, epoch, learningRate, imagesPerSecond, gradientNorm, skipped, metrics } = report;
  return { step, epoch, learningRate, imagesPerSecond, seconds, gradientNorm, skipped, metrics };
}

/** Means of named numbers. */
function means() {
  const sums: Record<string, number> = {};
  let steps = 0;
  let counted = 0;
  return {
    steps: () => steps,
    add({ metrics, skipped }: StepRecord) {
      steps++;
      if (skipped) return;
      counted++;
      for (const [name, value] of Object.entries(metrics)) sums[name] = (sums[name] ?? 0) + value;
    },
    values: () => Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / counted])),
  };
}
