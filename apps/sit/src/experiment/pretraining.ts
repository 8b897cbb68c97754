import {
  adamW,
  type BatchSource,
  type Checkpoint,
  type CheckpointInterval,
  type CheckpointStore,
  initState,
  type Method,
  type NotFiniteReport,
  pretrain,
  type TrainState,
} from "@sitjs/train";
import type { Settings } from "../settings/settings.js";
import { type EpochRecord, learningCurve, type StepRecord, stepRecord } from "./learning-curve.js";
import type { ReconstructionPictures } from "./pictures.js";
import { initialStream, pretrainOptions } from "./pretrain-options.js";
import { type Reporter, stage } from "./reporter.js";
import { observer, type WatchedRun } from "./watching/observer.js";
import type { WatchRecord } from "./watching/record.js";

export interface PretrainingResult {
  /** Belongs to the caller. */
  readonly state: TrainState;
  /** Of the whole run, in all its parts; the rest too. */
  readonly steps: number;
  readonly seconds: number;
  /** Loading included. */
  readonly imagesPerSecond: number;
  readonly epochs: readonly EpochRecord[];
  /** Some of the steps, evenly spaced. */
  readonly records: readonly StepRecord[];
  /** Looks at the embeddings, where the run is watched. */
  readonly looks?: readonly WatchRecord[];
}

/** How a training run is written down, stopped and gone on with. */
export interface TrainingHooks {
  readonly checkpoints?: CheckpointStore;
  /** Go on from here; the run takes its state over. */
  readonly resume?: Checkpoint | undefined;
  /** Steps of the parts of the run before this one. */
  readonly earlier?: readonly StepRecord[];
  /** Looks of the parts of the run before this one. */
  readonly earlierLooks?: readonly WatchRecord[];
  /** Where it is written, as the user calls it. */
  readonly folder?: string;
  /** Told each look, for a log. */
  readonly onWatch?: (record: WatchRecord) => void | Promise<void>;
  /** Told the reconstructions after `step` steps. */
  readonly onPictures?: (
    step: number,
    epoch: number,
    rows: readonly ReconstructionPictures[],
  ) => Promise<void>;
  /** Told every step, for a log. */
  readonly onStep?: (record: StepRecord) => void | Promise<void>;
  readonly onNotFinite?: (report: NotFiniteReport) => void;
  readonly signal?: AbortSignal | undefined;
  /** Does the training itself: what comes after it needs no more files, nor to be waited for. */
  readonly during?: <T>(training: () => Promise<T>) => Promise<T>;
}

/** Where nothing is written. */
export const atOnce: NonNullable<TrainingHooks["during"]> = (training) => training();

export interface PretrainingOptions extends TrainingHooks {
  /** What the stage is called; "Pretraining" unless told. */
  readonly name?: string;
  readonly method: Method;
  readonly loader: BatchSource;
  readonly settings: Settings;
  readonly seed: number;
  readonly report: Reporter;
  /** Begin with this state; the run takes it over. */
  readonly initial?: TrainState;
  /** Ends after this many steps instead of all epochs. */
  readonly maximumSteps?: number | undefined;
  /** Watch the run: its plan is told, and how its embeddings are. */
  readonly watched?: WatchedRun;
}

/** Pretrains by the settings and keeps what a report needs. */
export async function pretraining(options: PretrainingOptions): Promise<PretrainingResult> {
  const { method, loader, settings, seed, report, maximumSteps } = options;
  const { resume, earlier = [], onStep, during = atOnce } = options;
  const totalSteps = maximumSteps ?? settings.epochs * loader.stepsPerEpoch;
  // The very parameters that the loop would make, known before its first step.
  const first = resume?.state ?? options.initial ?? initState(method, adamW(), initialStream(seed));
  const observe = observer({ ...options, totalSteps, state: first });
  const outcome = ({ imagesPerSecond }: PretrainingResult) => `${Math.round(imagesPerSecond)} images/s`;
  return await stage(
    report,
    options.name ?? "Pretraining",
    { total: totalSteps, unit: "steps", outcome },
    async ({ progress }) => {
      const curve = learningCurve({ totalSteps, batchSize: loader.batchSize });
      for (const record of earlier) curve.add(record);
      const before = curve.seconds();
      const started = performance.now();
      // What watching takes is no part of training.
      const watching = () => observe?.seconds() ?? 0;
      const train = async (): Promise<TrainState> => {
        // A run that was stopped after its last step has nothing more to do.
        await observe?.at(first);
        if (first.step === totalSteps) return first;
        const run = pretrain(method, loader, {
          ...pretrainOptions(method, settings, totalSteps),
          seed,
          initial: resume === undefined ? first : undefined,
          ...trainingOptions(options),
        });
        let state: TrainState | undefined;
        for await (const step of run) {
          state = step.state;
          const record = stepRecord(step, before + (performance.now() - started) / 1000 - watching());
          curve.add(record);
          await onStep?.(record);
          await observe?.step(record, state);
          const { imagesPerSecond, secondsLeft, metrics } = step;
          progress({ done: step.step + 1, imagesPerSecond, secondsLeft, values: metrics });
        }
        return state as TrainState;
      };
      const state = await during(train);
      return {
        state,
        steps: totalSteps,
        seconds: curve.seconds(),
        imagesPerSecond: curve.imagesPerSecond(),
        epochs: curve.epochs(),
        records: curve.records(),
        ...(observe && { looks: observe.looks() }),
      };
    },
  );
}

/** What all kinds of training hand on to the loop. */
export function trainingOptions({
  settings,
  checkpoints,
  resume,
  signal,
  onNotFinite,
}: TrainingHooks & { readonly settings: Settings }) {
  const { checkpointEvery, checkpointSteps, checkpointMinutes, skipNotFinite } = settings;
  const interval: CheckpointInterval = {
    ...(checkpointEvery > 0 && { epochs: checkpointEvery }),
    ...(checkpointSteps > 0 && { steps: checkpointSteps }),
    ...(checkpointMinutes > 0 && { minutes: checkpointMinutes }),
  };
  return { checkpoints, checkpointEvery: interval, resume, signal, skipNotFinite, onNotFinite };
}
