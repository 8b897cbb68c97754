import {
  type BatchSource,
  type Checkpoint,
  type CheckpointInterval,
  type CheckpointStore,
  type GradientClipping,
  type Method,
  type NotFiniteReport,
  pretrain,
  type TrainState,
} from "@sitjs/train";
import type { Settings } from "../settings/settings.js";
import { type EpochRecord, learningCurve, type StepRecord, stepRecord } from "./learning-curve.js";
import { type Reporter, stage } from "./reporter.js";

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
}

/** How a training run is written down, stopped and gone on with. */
export interface TrainingHooks {
  readonly checkpoints?: CheckpointStore;
  /** Go on from here; the run takes its state over. */
  readonly resume?: Checkpoint | undefined;
  /** Steps of the parts of the run before this one. */
  readonly earlier?: readonly StepRecord[];
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
}

/** Pretrains by the settings and keeps what a report needs. */
export async function pretraining(options: PretrainingOptions): Promise<PretrainingResult> {
  const { method, loader, settings, seed, report, initial, maximumSteps } = options;
  const { resume, earlier = [], onStep, during = atOnce } = options;
  const { finalLearningRate, learningRate, warmupEpochs, weightDecay, finalWeightDecay, momentum } = settings;
  const totalSteps = maximumSteps ?? settings.epochs * loader.stepsPerEpoch;
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
      const train = async (): Promise<TrainState> => {
        // A run that was stopped after its last step has nothing more to do.
        if (resume?.state.step === totalSteps) return resume.state;
        const run = pretrain(method, loader, {
          steps: totalSteps,
          seed,
          learningRate,
          finalLearningRate,
          warmupEpochs,
          weightDecay: [weightDecay, finalWeightDecay],
          momentum,
          precision: settings.precision,
          adamW: { betas: [BETA1, settings.beta2], clipping: clippingOf(method, settings) },
          initial,
          ...trainingOptions(options),
        });
        let state: TrainState | undefined;
        for await (const step of run) {
          state = step.state;
          const record = stepRecord(step, before + (performance.now() - started) / 1000);
          curve.add(record);
          await onStep?.(record);
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
      };
    },
  );
}

/** Of the first moment; every paper has this one. */
const BETA1 = 0.9;

/** By parameter or of all together, as the method's paper has it. */
function clippingOf({ recipe }: Method, { clip }: Settings): GradientClipping | undefined {
  if (clip === 0) return undefined;
  const { clipping } = recipe?.adamW ?? {};
  return clipping !== undefined && "global" in clipping ? { global: clip } : { perParameter: clip };
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
