import { type ChannelStatistics, evalView, sitViews, trainView } from "@sitjs/augment";
import { type Batches, batches, type ImageDataset } from "@sitjs/data";
import type { Parts } from "../config.js";
import type { Settings } from "../settings/definitions.js";

/** What all loaders of a run share. */
export interface LoaderContext {
  readonly settings: Settings;
  readonly statistics: ChannelStatistics;
  readonly seed: number;
  /** Threads beside the main one; undefined: as many as fit the machine. */
  readonly workers: number | undefined;
}

/** Two augmented views of each image, without labels. */
export function pretrainLoader(dataset: ImageDataset, context: LoaderContext, parts: Parts): Batches {
  const { settings, statistics, seed, workers } = context;
  const views =
    parts.views ??
    sitViews({
      size: settings.imageSize,
      preset: settings.views,
      scale: [settings.cropScale, 1],
      flip: settings.flip,
      solarize: [0, settings.solarize],
      ...(settings.channels === 1 && { grayscale: 0 }), // nothing to lose
      ...statistics,
    });
  const batchSize = Math.min(settings.batchSize, dataset.length);
  return batches(dataset, { views, batchSize, seed, workers, labels: false });
}

/** One augmented view with its label. */
export function finetuneLoader(dataset: ImageDataset, context: LoaderContext): Batches {
  const { settings, statistics, seed, workers } = context;
  const views = trainView({
    size: settings.imageSize,
    scale: [settings.finetuneCropScale, 1],
    flip: settings.flip,
    ...statistics,
  });
  const batchSize = Math.min(settings.finetuneBatchSize, dataset.length);
  return batches(dataset, { views, batchSize, seed, workers });
}

/** Every image once, in order, as it is. */
export function evalLoader(dataset: ImageDataset, context: LoaderContext): Batches {
  const { settings, statistics, workers } = context;
  const views = evalView({ size: settings.imageSize, ...statistics });
  const batchSize = Math.min(settings.imageSize <= 64 ? 250 : 50, dataset.length);
  return batches(dataset, { views, batchSize, shuffle: false, workers });
}
