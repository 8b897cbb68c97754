import {
  type ChannelStatistics,
  evalView,
  randomErasing,
  type TrainViewOptions,
  trainView,
  type ViewSpec,
} from "@sitjs/augment";
import { type Batches, type BatchesOptions, batches, type ImageDataset, sampleFile } from "@sitjs/data";
import type { Parts } from "../config.js";
import { methodMakers } from "../methods/makers.js";
import type { Settings } from "../settings/settings.js";
import type { LeftOut } from "./left-out.js";

/** What all loaders of a run share. */
export interface LoaderContext {
  readonly settings: Settings;
  readonly statistics: ChannelStatistics;
  readonly seed: number;
  /** Threads beside the main one; undefined: as many as fit the machine. */
  readonly workers: number | undefined;
  /** Told the images that cannot be read. */
  readonly leftOut: LeftOut;
}

/** The views that the method learns from, or those that a config file has put in their place. */
export function pretrainViews({ settings, statistics }: LoaderContext, parts: Parts): readonly ViewSpec[] {
  return parts.views ?? methodMakers[settings.method].views(settings, statistics);
}

/** Augmented views of each image, those of the method, without labels. An image that cannot be read is replaced by another. */
export function pretrainLoader(dataset: ImageDataset, context: LoaderContext, parts: Parts): Batches {
  const { settings, seed } = context;
  const views = pretrainViews(context, parts);
  const batchSize = Math.min(settings.batchSize, dataset.length);
  const shared = common(dataset, context, "training", "replace");
  return batches(dataset, { ...shared, views, batchSize, seed, labels: false });
}

/** One augmented view with its label. An image that cannot be read is replaced by another. */
export function finetuneLoader(dataset: ImageDataset, context: LoaderContext): Batches {
  const { settings, statistics, seed } = context;
  const views = trainView({
    size: settings.imageSize,
    scale: [settings.finetuneCropScale, 1],
    flip: settings.flip,
    ...statistics,
    ...augmentationOf(settings),
  });
  const batchSize = Math.min(settings.finetuneBatchSize, dataset.length);
  return batches(dataset, { ...common(dataset, context, "training", "replace"), views, batchSize, seed });
}

/** RandAugment and random erasing, where the settings ask for them. */
function augmentationOf(settings: Settings): Pick<TrainViewOptions, "randAugment" | "erasing"> {
  const { randAugment, randAugmentMagnitude, randAugmentDeviation, erasing, erasingFill } = settings;
  return {
    ...(randAugment > 0 && {
      randAugment: {
        operations: randAugment,
        magnitude: randAugmentMagnitude,
        deviation: randAugmentDeviation,
      },
    }),
    ...(erasing > 0 && {
      erasing: randomErasing({ probability: erasing, fill: erasingFill === "noise" ? "noise" : 0 }),
    }),
  };
}

/** As `finetuneLoader`, cropped as for the linear probes of the papers, of another batch size. */
export function probeLoader(dataset: ImageDataset, context: LoaderContext, size: number): Batches {
  const { settings, statistics, seed } = context;
  const views = trainView({
    size: settings.imageSize,
    scale: PROBE_SCALE,
    flip: settings.flip,
    ...statistics,
  });
  const batchSize = Math.min(size, dataset.length);
  return batches(dataset, { ...common(dataset, context, "training", "replace"), views, batchSize, seed });
}

/** Of torchvision's `RandomResizedCrop`, which they use as it is. */
const PROBE_SCALE = [0.08, 1] as const;

/**
 * Every image once, in order, as it is.
 *
 * @param part of test images each must be readable; training images that are not are left out
 * @param maximumBadShare such a share is left out, of test images too; default: of training images the settings'
 */
export function evalLoader(
  dataset: ImageDataset,
  context: LoaderContext,
  part: "training" | "test",
  maximumBadShare?: number,
): Batches {
  const { settings, statistics } = context;
  const views = evalView({ size: settings.imageSize, ...statistics });
  const batchSize = Math.min(settings.imageSize <= 64 ? 250 : 50, dataset.length);
  const bad = part === "test" && maximumBadShare === undefined ? "throw" : "leave-out";
  return batches(dataset, {
    ...common(dataset, context, part, bad),
    ...(maximumBadShare !== undefined && { maximumBadShare }),
    views,
    batchSize,
    shuffle: false,
  });
}

function common(
  dataset: ImageDataset,
  { settings, workers, leftOut }: LoaderContext,
  part: "training" | "test",
  badImages: BatchesOptions["badImages"],
) {
  const { badImages: maximumBadShare, workerTimeout } = settings;
  const onProblem: BatchesOptions["onProblem"] = (problem) => {
    // As the data set's own list of problems has it.
    leftOut.add(part, { ...problem, path: sampleFile(dataset, problem.index) });
  };
  return { badImages, maximumBadShare, onProblem, workers, workerTimeout };
}
