import { adamW, type CheckpointInterval, initState, pretrain, type TrainState } from "@sitjs/train";
import type { Settings } from "../settings/settings.js";
import { type EpochRecord, learningCurve, type StepRecord, stepRecord } from "./learning-curve.js";
import { initialStream, pretrainOptions } from "./pretrain-options.js";
import { stage } from "./reporter.js";
import type { PretrainingOptions, TrainingHooks } from "./training-options.js";
import { observer } from "./watching/observer.js";
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

/** Where nothing is written. */
export const atOnce: NonNullable<TrainingHooks["during"]> = (training) => training();

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
        let record: StepRecord | undefined;
        const run = pretrain(method, loader, {
          ...pretrainOptions(method, settings, totalSteps),
          seed,
          initial: resume === undefined ? first : undefined,
          ...trainingOptions(options),
          async onStep(step) {
            record = stepRecord(step, before + (performance.now() - started) / 1000 - watching());
            await onStep?.(record);
          },
        });
        let state: TrainState | undefined;
        for await (const step of run) {
          state = step.state;
          const done = record as StepRecord;
          curve.add(done);
          await observe?.step(done, state);
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
