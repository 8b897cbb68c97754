import { availableParallelism } from "node:os";
import type { Transform, TransformSpec, ViewSpec } from "@sitjs/augment";
import { requireOption, SitError } from "@sitjs/core/errors";
import type { BadImage, BadImages } from "./batch-task.js";
import type { ImageDataset } from "./dataset.js";
import { stepsIn } from "./sampler.js";
import { requireSeed } from "./subset.js";

export interface BatchesOptions {
  /** What to make of each image, for example `sitViews({ size: 224 })` or `evalView({ size: 224 })`. */
  readonly views: readonly ViewSpec<TransformSpec | Transform>[];
  readonly batchSize: number;
  /** Seed of order and augmentation; default 0. */
  readonly seed?: number;
  /** A new order in each epoch (default), or the dataset's own. */
  readonly shuffle?: boolean;
  /** Leave out the last batch of an epoch where it is smaller; default: as `shuffle`. */
  readonly dropLast?: boolean;
  /** How many epochs iterating over the loader itself gives; default 1. `range` goes as far as it is told. */
  readonly epochs?: number;
  /** Threads beside the main one; 0: all in the main thread. Default: cores - 1, at least 1, at most 4. */
  readonly workers?: number;
  /** How many batches are made ahead at most; default: one more than there are workers. */
  readonly prefetch?: number;
  /**
   * What to do about an image that cannot be read, because its file is missing, broken or not allowed. "throw" (default):
   * end. "replace", for training: take another image of the dataset, drawn by seed, epoch and sample. "leave-out", for
   * evaluation: make the batch smaller; one without images is not given. A test set is better read with "throw".
   */
  readonly badImages?: BadImages;
  /** The largest share of the dataset's images to go on without, 0 to 1; default 0.1. All of them are too many ever. */
  readonly maximumBadShare?: number;
  /** Told each image that cannot be read, once, when its batch is given; default: one process warning at the first. */
  readonly onProblem?: (problem: BadImage) => void;
  /** Give the labels or targets with each batch; default: where the dataset has them. */
  readonly labels?: boolean;
  /** Keep the threads from one iteration to the next; then `close` ends them. Default: each iteration its own. */
  readonly keepWorkers?: boolean;
  /**
   * Seconds in which a thread has to begin another image; one that does not, because a drive does not answer or a
   * transform never ends, is replaced. Default 300; 0: wait for ever. Without workers nothing is watched.
   */
  readonly workerTimeout?: number;
  /** Address of the package's `dist/worker.js`, where a bundler has moved it. */
  readonly workerUrl?: URL;
}

/** A week, in seconds; timers go a little further. */
const LONGEST_TIMEOUT = 604_800;

/** The options with their defaults. @throws SitError "bad-option" naming the one that is wrong */
export function checkedOptions(dataset: ImageDataset, options: BatchesOptions) {
  const {
    views,
    batchSize,
    seed = 0,
    shuffle = true,
    dropLast = shuffle,
    epochs = 1,
    keepWorkers = false,
    badImages = "throw",
    maximumBadShare = 0.1,
    workerTimeout = 300,
    onProblem,
    workerUrl,
  } = options;
  const workers = options.workers ?? Math.max(1, Math.min(4, availableParallelism() - 1));
  const { prefetch = workers + 1, labels = hasLabels(dataset) } = options;
  const atLeast = (value: number, least: number) => Number.isSafeInteger(value) && value >= least;
  requireOption(atLeast(batchSize, 1), "batchSize", "a positive whole number", batchSize);
  requireOption(atLeast(workers, 0) && workers <= 256, "workers", "a whole number from 0 to 256", workers);
  requireOption(atLeast(prefetch, 1), "prefetch", "a positive whole number", prefetch);
  requireOption(
    atLeast(epochs, 1) || epochs === Infinity,
    "epochs",
    "a positive whole number or Infinity",
    epochs,
  );
  requireOption(Array.isArray(views) && views.length > 0, "views", "a list of at least one view", views);
  requireSeed(seed);
  const modes = ["throw", "replace", "leave-out"];
  requireOption(modes.includes(badImages), "badImages", '"throw", "replace" or "leave-out"', badImages);
  const share = maximumBadShare >= 0 && maximumBadShare <= 1;
  requireOption(share, "maximumBadShare", "a number from 0 to 1", maximumBadShare);
  const seconds = workerTimeout >= 0 && workerTimeout <= LONGEST_TIMEOUT;
  requireOption(seconds, "workerTimeout", `seconds, 0 to ${LONGEST_TIMEOUT}`, workerTimeout);
  requireOption(!labels || hasLabels(dataset), "labels", `false for ${dataset.name}, which has none`, labels);
  const stepsPerEpoch = stepsIn(dataset.length, batchSize, dropLast);
  const enough = `at most ${dataset.length}, the size of ${dataset.name}, where dropLast leaves out smaller batches`;
  requireOption(stepsPerEpoch > 0, "batchSize", enough, batchSize);
  if (workers > 0) requirePlain(views);
  return {
    batchSize,
    seed,
    shuffle,
    dropLast,
    epochs,
    stepsPerEpoch,
    workers,
    prefetch,
    keepWorkers,
    badImages,
    maximumBadShare,
    onProblem,
    workerTimeout,
    workerUrl,
    labels: labels ? dataset.labels : undefined,
    targets: labels ? dataset.targets : undefined,
  };
}

function hasLabels({ labels, targets }: ImageDataset): boolean {
  return labels !== undefined || targets !== undefined;
}

function requirePlain(views: BatchesOptions["views"]): void {
  try {
    structuredClone(views);
  } catch (error) {
    throw new SitError(
      "bad-option",
      "views: expected plain data, which worker threads can take, got functions",
      {
        mend: "Name your transform's module with moduleTransform(), or use workers: 0.",
        cause: error,
      },
    );
  }
}
