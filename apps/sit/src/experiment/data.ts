import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type ChannelStatistics, channelStatistics, type Image, imageNetStatistics } from "@sitjs/augment";
import { printable, SitError } from "@sitjs/core/errors";
import { randomStream } from "@sitjs/core/random";
import {
  findParquet,
  type ImageDataset,
  ImageError,
  type ImageFolderDataset,
  imageFolder,
  type ParquetSplits,
  parquetDataset,
  type ReadableFilesOptions,
  sampleFile,
  split,
  subset,
} from "@sitjs/data";
import { readyNames } from "../settings/ready-data.js";
import type { Settings } from "../settings/settings.js";
import { findDataset, openDataset } from "./catalogue.js";
import { checkLabelled, requireParts, testFolders } from "./labelled-data.js";
import type { DataPart, LeftOut } from "./left-out.js";
import type { OpenDataOptions, RunData } from "./run-data.js";
import { tellOthers, tellProblems } from "./tell-problems.js";

/**
 * Opens a data set of the catalogue, by its name or by the folder that it was downloaded to, Parquet files, or a folder of
 * images. A folder with `train` and `test` (or `val`, `valid`, `validation`) in it has its parts; any other labelled
 * folder is cut 80 : 20, always the same way.
 * @throws SitError "missing-file", "bad-file", "bad-option" where labels are wanted and there are none, "network"
 */
export async function openData(source: string, options: OpenDataOptions): Promise<RunData> {
  const dataset = await findDataset(source);
  if (dataset !== undefined) return { source, ...(await openDataset(dataset, options)) };
  const data = await openFolder(source, options);
  if (options.labelled) await checkLabelled(data, options);
  return data;
}

async function openFolder(source: string, options: OpenDataOptions): Promise<RunData> {
  const { labelled, settings } = options;
  const { badImages, badTestImages } = settings;
  const found = await stat(source).catch(() => undefined);
  const tables = await findParquet(source);
  if (tables !== undefined) return await openParquet(source, tables, options);
  if (found === undefined || !found.isDirectory()) {
    const got = found === undefined ? "nothing there" : "a file";
    throw new SitError(
      "missing-file",
      `--data ${source}: expected a folder of images, a Parquet file, ${readyNames}, got ${got}`,
    );
  }
  const name = source.split(/[\\/]/).filter(Boolean).at(-1) ?? source;
  const [trainFolder, testFolder] = [join(source, "train"), await firstFolder(source, testFolders)];
  if ((await isFolder(trainFolder)) && testFolder !== undefined) {
    const train = await openImages(trainFolder, options, { part: "training", share: badImages });
    requireLabels(train, source, labelled);
    if (!(options.test ?? labelled)) return { source, name, train, test: undefined };
    const { classes } = train;
    const test = await openImages(testFolder, options, { part: "test", share: badTestImages, classes });
    return { source, name, train, test };
  }
  return await openWhole(source, name, source, options);
}

/** Parquet files whose names say what they are for have their parts; else they are cut as a folder is. */
async function openParquet(
  source: string,
  { train: trainFiles, test: testFiles }: ParquetSplits,
  options: OpenDataOptions,
): Promise<RunData> {
  const { labelled, settings } = options;
  const name = source.split(/[\\/]/).filter(Boolean).at(-1) ?? source;
  if (testFiles.length === 0) return await openWhole(source, name, trainFiles, options);
  const train = await openImages(trainFiles, options, { part: "training", share: settings.badImages });
  requireLabels(train, source, labelled);
  if (!(options.test ?? labelled)) return { source, name, train, test: undefined };
  const { classes } = train;
  const test = await openImages(testFiles, options, { part: "test", share: settings.badTestImages, classes });
  return { source, name, train, test };
}

/** Images without parts: all to learn from, or cut where labels are wanted. */
async function openWhole(
  source: string,
  name: string,
  images: string | readonly string[],
  options: OpenDataOptions,
): Promise<RunData> {
  const { labelled, settings } = options;
  const { badImages, badTestImages } = settings;
  // Where a part of them is to test with, what is read of all is what is read of that part.
  const all = labelled
    ? await openImages(images, options, { part: "all", share: Math.min(badImages, badTestImages) })
    : await openImages(images, options, { part: "training", share: badImages });
  requireLabels(all, source, labelled);
  if (!labelled) return { source, name, train: all, test: undefined };
  requireParts(source, all);
  const [train, test] = split(all, { share: 0.8, seed: 0 });
  const note = `${name}: no train and test folders, so ${train.length} images are for training and ${test.length} for testing`;
  return { source, name, train, test, note };
}

/** So long is looked at the files of a folder before something is said, in milliseconds. */
const QUIET = 2000;

/** Opens a folder of images, each in the folder of its class or without labels, or Parquet files. */
async function openImages(
  source: string | readonly string[],
  options: OpenDataOptions,
  how: {
    readonly part: DataPart;
    readonly share: number;
    readonly classes?: readonly string[] | undefined;
  },
): Promise<ImageDataset> {
  const { classes: classNames } = how;
  if (typeof source === "string") {
    const images = await openFiles(source, options, how, (path, common) =>
      imageFolder(path, { ...common, classNames }),
    );
    tellOthers(source, images.otherFiles, options.report);
    return images;
  }
  return await openFiles(source[0] as string, options, how, (_, common) =>
    parquetDataset(source, { ...common, classNames }),
  );
}

/**
 * Has `open` read image files by the run's options: what it cannot read is told and left out. Of images for a test each
 * is decoded first, so that none is missed when it is too late.
 */
export async function openFiles<Dataset extends Pick<ImageFolderDataset, "problems">>(
  path: string,
  { channels, imageSize, leftOut, report, settings, signal }: OpenDataOptions,
  { part, share }: { readonly part: DataPart; readonly share: number },
  open: (path: string, common: ReadableFilesOptions) => Promise<Dataset>,
): Promise<Dataset> {
  const started = performance.now();
  let said = false;
  try {
    const images = await open(path, {
      channels,
      verify: part === "training" ? "header" : "full",
      maximumBadShare: share,
      shorterSide: 2 * imageSize, // small crops still have as many pixels as they need
      onProblem: () => undefined, // told below, where the folder is good enough
      onProgress({ total }) {
        if (said || performance.now() - started < QUIET) return;
        said = true;
        report({ event: "note", text: `${printable(path)}: looking at ${total} images` });
      },
      signal,
    });
    tellProblems(images.problems, part, { leftOut, report });
    return images;
  } catch (error) {
    if (!SitError.isInstance(error)) throw error;
    const { badImages, badTestImages } = settings;
    const strict = part === "test" || (part === "all" && badTestImages <= badImages);
    const option = strict ? "--bad-test-images" : "--bad-images";
    const named = (text: string) => text.replaceAll("maximumBadShare", option);
    throw new SitError(error.code, named(error.message), {
      mend: error.mend && named(error.mend),
      cause: error,
    });
  }
}

function requireLabels(dataset: ImageDataset, source: string, labelled: boolean): void {
  if (!labelled || dataset.labels !== undefined) return;
  throw new SitError(
    "bad-option",
    `--data ${source}: expected a folder for each class or a column of labels, got images without labels`,
    {
      mend: "Put the images of each class in a folder of its own.",
    },
  );
}

async function firstFolder(parent: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) if (await isFolder(join(parent, name))) return join(parent, name);
  return undefined;
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** How many images the data set's own mean and deviation are taken from. */
const SAMPLE = 1000;

/**
 * What pixels are normalised with. Images that cannot be read do not count.
 * @throws SitError "bad-file" where none of a sample can be read; the reason of an aborted `signal`
 */
export async function statisticsOf(
  dataset: ImageDataset,
  settings: Settings,
  { leftOut, signal }: { readonly leftOut: LeftOut; readonly signal: AbortSignal },
): Promise<ChannelStatistics> {
  if (settings.statistics === "imagenet") return imageNetStatistics;
  const sample = drawImages(dataset, Math.min(SAMPLE, dataset.length), 0, "statistics");
  const images: Image[] = [];
  for (let i = 0; i < sample.length; i++) {
    signal.throwIfAborted();
    try {
      images.push(await sample.image(i));
    } catch (error) {
      const last = i + 1 === sample.length;
      if (!(error instanceof ImageError) || (last && images.length === 0)) throw error;
      leftOut.add("training", { path: sampleFile(sample, i), kind: error.kind, reason: error.reason });
    }
  }
  const { mean, deviation } = channelStatistics(images);
  // Pictures of one colour have no deviation to divide by.
  return { mean, deviation: deviation.map((value) => Math.max(value, 1 / 255)) };
}

/** `count` images of a dataset drawn by the seed, in the dataset's order; all of them for 0. */
export function drawImages(
  dataset: ImageDataset,
  count: number,
  seed: number,
  purpose: string,
): ImageDataset {
  if (count === 0 || count >= dataset.length) return dataset;
  const order = randomStream(seed, purpose).permutation(dataset.length);
  return subset(dataset, order.slice(0, count).sort(), `${dataset.name}[${count}]`);
}
