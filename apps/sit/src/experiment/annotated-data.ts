import { stat } from "node:fs/promises";
import { SitError } from "@sitjs/core/errors";
import {
  type AnnotatedImagesDataset,
  type Annotations,
  annotatedImages,
  type ImageDataset,
  readAnnotations,
  split,
} from "@sitjs/data";
import { isReady } from "../settings/ready-data.js";
import type { AnnotationSources } from "./annotation-sources.js";
import { openFiles } from "./data.js";
import { warnOfShared } from "./labelled-data.js";
import type { DataPart } from "./left-out.js";
import type { OpenDataOptions, RunData } from "./run-data.js";

/**
 * Opens a folder of images with their annotations: those of `--test-labels` or `--test-list` to test with, else a fifth
 * of all, always the same.
 * @throws SitError "missing-file", "bad-file", "bad-option" naming the option
 */
export async function openAnnotatedData(
  source: string,
  sources: AnnotationSources,
  options: OpenDataOptions,
): Promise<RunData> {
  const { badImages, badTestImages } = options.settings;
  const { labels, testLabels, list, testList, testData = source } = sources;
  await requireFolder("--data", source);
  await requireFolder("--test-data", testData);
  const name = source.split(/[\\/]/).filter(Boolean).at(-1) ?? source;
  const annotations = await read("--labels", labels, sources, list);
  if (testLabels === undefined && testList === undefined) {
    const share = Math.min(badImages, badTestImages);
    const all = await open(source, annotations, options, { part: "all", share });
    requireSeveral(source, all);
    const [train, test] = split(all, { share: 0.8, seed: 0 });
    await warnOfShared({ source, train, test }, options);
    const note = `${name}: no --test-labels, so ${train.length} images are for training and ${test.length} for testing${others(all.unannotated)}`;
    return { source, name, train, test, note };
  }
  const option = testLabels === undefined ? "--test-list" : "--test-labels";
  const { classes } = annotations;
  const tested = await read(option, testLabels ?? labels, sources, testList, classes);
  const train = await open(source, annotations, options, { part: "training", share: badImages });
  const test = await open(testData, tested, options, { part: "test", share: badTestImages });
  const inTest = new Set(test.unannotated);
  const unannotated =
    testData === source ? train.unannotated.filter((path) => inTest.has(path)) : train.unannotated;
  const note = `${name}: ${train.length} images for training and ${test.length} for testing${others(unannotated)}`;
  await warnOfShared({ source, train, test }, options);
  return { source, name, train, test, note };
}

async function read(
  option: string,
  path: string,
  { format, separator }: AnnotationSources,
  list: string | undefined,
  classes?: readonly string[],
): Promise<Annotations> {
  try {
    return await readAnnotations(path, {
      ...(format !== undefined && { format }),
      ...(separator !== undefined && { separator }),
      ...(list !== undefined && { list }),
      ...(classes !== undefined && { classes }),
    });
  } catch (error) {
    if (!SitError.isInstance(error)) throw error;
    throw new SitError(error.code, namedBy(option, error.message), { cause: error });
  }
}

/** A message about an option of the reader names the command's; one about a file what has named that file. */
function namedBy(option: string, message: string): string {
  if (/^(format|separator): /.test(message)) return `--${message}`;
  if (message.startsWith("list: ")) return option === "--labels" ? `--${message}` : `--test-${message}`;
  return `${option} ${message}`;
}

async function open(
  folder: string,
  annotations: Annotations,
  options: OpenDataOptions,
  how: { readonly part: DataPart; readonly share: number },
): Promise<AnnotatedImagesDataset> {
  return await openFiles(folder, options, how, (path, common) => annotatedImages(path, annotations, common));
}

async function requireFolder(option: string, source: string): Promise<void> {
  const found = isReady(source) ? undefined : await stat(source).catch(() => undefined);
  if (found?.isDirectory()) return;
  const got = isReady(source) ? "a data set without them" : found === undefined ? "nothing there" : "a file";
  throw new SitError(
    "missing-file",
    `${option} ${source}: expected a folder of images that annotations name, got ${got}`,
  );
}

function requireSeveral(source: string, { length }: ImageDataset): void {
  if (length > 2) return;
  throw new SitError("bad-file", `--data ${source}: expected at least 3 annotated images, got ${length}`);
}

function others({ length }: readonly string[]): string {
  return length === 0 ? "" : `; ${length} without annotation are passed over`;
}
