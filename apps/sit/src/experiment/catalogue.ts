import { requireOption, SitError } from "@sitjs/core/errors";
import {
  type CatalogueEntry,
  catalogueEntry,
  datasetFolder,
  datasetState,
  downloadedDataset,
  type FolderProblem,
  type ImageDataset,
} from "@sitjs/data";
import type { OpenDataOptions, RunData } from "./run-data.js";
import { tellProblems } from "./tell-problems.js";

/** A data set of the catalogue, and where it is. */
export interface FoundDataset {
  readonly entry: CatalogueEntry;
  /** Undefined where it is had by its own ways. */
  readonly folder: string | undefined;
}

/** The data set that is meant: by its name, or by the folder that it was downloaded to; undefined for anything else. */
export async function findDataset(source: string): Promise<FoundDataset | undefined> {
  const named = catalogueEntry(source);
  if (named !== undefined) {
    return { entry: named, folder: named.ownSources ? undefined : datasetFolder(named.name) };
  }
  const entry = catalogueEntry((await downloadedDataset(source)) ?? "");
  return entry && { entry, folder: source };
}

/** Whether a data set of the catalogue can be opened without being fetched first. */
export async function isHere({ entry, folder }: FoundDataset): Promise<boolean> {
  if (folder === undefined) return entry.ownSources?.isHere() === true;
  const state = await datasetState(entry, folder);
  return state === "complete" || state === "by-hand";
}

/**
 * Opens the parts of a data set that a run wants: "trainval" where there is one, else "train", with all that has no labels
 * where they are not wanted, and "test".
 * @throws SitError "missing-file" where it has to be downloaded first; what its `open` throws; "bad-option" where it has
 * several labels an image and one is wanted or the other way round, or is grey where colour is wanted
 */
export async function openDataset(
  found: FoundDataset,
  options: OpenDataOptions,
): Promise<Pick<RunData, "name" | "train" | "test">> {
  const { entry } = found;
  const { labelled, test: wantsTest = labelled } = options;
  if (labelled) requireLabels(entry, options.several === true);
  const opened = async (part: string) => await openPart(found, part, options);
  const train = await opened(trainingPart(entry, labelled));
  const test = wantsTest ? await opened("test") : undefined;
  if ([train, test].every((part) => part === undefined || part.official)) {
    return { name: entry.name, train: train.images, test: test?.images };
  }
  options.report({ event: "warning", text: `${entry.title}: not the official files, see above` });
  // Results on other test images must not pass for results on the official ones.
  const name = `${entry.name} (npm package, not the official test set)`;
  return { name, train: train.images, test: test?.images };
}

function requireLabels({ name, labels }: CatalogueEntry, several: boolean): void {
  if ((labels === "several") === several) return;
  const [expected, got] = several ? ["several labels", "one"] : ["one label", "several"];
  throw new SitError(
    "bad-option",
    `--data ${name}: expected a data set with ${expected} for each image, got ${got}`,
    {
      mend: several ? "sit finetune takes it." : "sit pretrain and sit multilabel take it.",
    },
  );
}

/** The part that is learned from: all there is but what is tested with, as far as it has labels where they are wanted. */
function trainingPart({ parts }: CatalogueEntry, labelled: boolean): string {
  const names = parts.map(({ name }) => name);
  const wanted = labelled ? ["trainval"] : ["train+unlabelled", "trainval"];
  return wanted.find((name) => names.includes(name)) ?? "train";
}

/** Opens one part of a data set. */
export async function openPart(
  { entry, folder }: FoundDataset,
  part: string,
  options: Pick<OpenDataOptions, "channels" | "imageSize" | "leftOut" | "report" | "signal">,
): Promise<{ readonly images: ImageDataset; readonly official: boolean }> {
  const { channels, imageSize, report, signal } = options;
  if (folder === undefined && entry.ownSources !== undefined) {
    // Before anything is fetched.
    requireChannels(entry, entry.channels, channels);
    const onNotice = (text: string) => report({ event: "note", text });
    const images = await entry.ownSources.open({ part, onNotice });
    return { images, official: images.source.official };
  }
  const place = folder ?? datasetFolder(entry.name);
  await requireDownloaded(entry, place);
  const shorterSide = 2 * imageSize; // small crops still have as many pixels as they need
  const problems: FolderProblem[] = [];
  const onProblem = (problem: FolderProblem) => problems.push(problem);
  const images = await entry.open(place, { part, channels, shorterSide, onProblem, signal });
  tellProblems(problems, part === "test" ? "test" : "training", options);
  requireChannels(entry, images.channels, channels);
  return { images, official: true };
}

function requireChannels({ name }: CatalogueEntry, has: 1 | 3, channels: 1 | 3): void {
  const what = has === 1 ? "grey" : "in colour";
  requireOption(channels === has, "--channels", `${has} for ${name}, whose images are ${what}`, channels);
}

async function requireDownloaded(entry: CatalogueEntry, folder: string): Promise<void> {
  const { name, title, files, byHand, licence } = entry;
  const state = await datasetState(entry, folder);
  if (state === "complete" || state === "by-hand") return;
  const got = state === "none" ? "nothing there" : "a download that has not come to its end";
  throw new SitError("missing-file", `--data ${name}: expected ${title} in ${folder}, got ${got}`, {
    mend:
      files.length === 0
        ? `${byHand} Its folder is ${folder}.`
        : `sit data get ${name} downloads it (${sizeOf(entry)}; licence: ${licence}).`,
  });
}

/** How much is downloaded: "2.6 GB"; "unknown size" where no one says. */
export function sizeOf({ files }: CatalogueEntry): string {
  const bytes = files.reduce((sum, file) => sum + (file.bytes ?? Number.NaN), 0);
  if (files.length === 0 || Number.isNaN(bytes)) return "unknown size";
  return bytes < 1e9 ? `${Math.max(1, Math.round(bytes / 1e6))} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
