import type { ImageDataset } from "@sitjs/data";
import type {
  BatchSource,
  Checkpoint,
  CheckpointStore,
  Method,
  NotFiniteReport,
  TrainState,
} from "@sitjs/train";
import type { Parts } from "../config.js";
import type { Settings } from "../settings/settings.js";
import type { StepRecord } from "./learning-curve.js";
import type { LoaderContext } from "./loaders.js";
import type { ReconstructionPictures } from "./pictures.js";
import type { Reporter } from "./reporter.js";
import type { WatchRecord } from "./watching/record.js";

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
  /** Told every step before its state may be saved, for a log. */
  readonly onStep?: (record: StepRecord) => void | Promise<void>;
  readonly onNotFinite?: (report: NotFiniteReport) => void;
  readonly signal?: AbortSignal | undefined;
  /** Does the training itself: what comes after it needs no more files, nor to be waited for. */
  readonly during?: <T>(training: () => Promise<T>) => Promise<T>;
}

/** What is watched of a run. */
export interface WatchedRun {
  /** The images that are pretrained on. */
  readonly dataset: ImageDataset;
  readonly context: LoaderContext;
  readonly parts: Parts;
}

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
