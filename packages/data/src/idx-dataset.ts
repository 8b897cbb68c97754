import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { SitError } from "@sitjs/core/errors";
import { openFile } from "@sitjs/core/node";
import { type ImageDataset, memoryDataset } from "./dataset.js";
import { reason } from "./decode.js";
import { type IdxArray, parseIdx } from "./idx.js";
import type { Channels } from "./storage.js";

const unzip = promisify(gunzip);

/** No data set in this format is larger; a gzip file that claims to be is refused before it fills the memory. */
const maximumBytes = 2 ** 31 - 1;

export interface IdxDatasetOptions {
  /** What the dataset is called; default "idx". */
  readonly name?: string;
  /** IDX file of the images, [images, height, width] or [images, height, width, 1 or 3]; `.gz` too. */
  readonly images: string;
  /** IDX file of the labels, [images]; `.gz` too. */
  readonly labels?: string;
  /** Names of the classes, by label. */
  readonly classes?: readonly string[];
}

/**
 * A dataset from files in MNIST's IDX format, plain or gzipped (MNIST, KMNIST, EMNIST and others).
 * @throws SitError "missing-file" or "bad-file", naming the file.
 */
export async function idxDataset(options: IdxDatasetOptions): Promise<ImageDataset> {
  const { name = "idx", images, labels, classes } = options;
  const pixels = parseIdx(await readPlain(images), images);
  const numbers = labels === undefined ? undefined : parseIdx(await readPlain(labels), labels);
  return datasetOfIdx({ name, pixels, labels: numbers, classes, files: [images, labels ?? "labels"] });
}

interface IdxParts {
  readonly name: string;
  readonly pixels: IdxArray;
  readonly labels: IdxArray | undefined;
  readonly classes: readonly string[] | undefined;
  /** What messages call the two files. */
  readonly files: readonly [string, string];
}

/** A dataset of parsed IDX arrays, their shapes checked against each other. */
export function datasetOfIdx({ name, pixels, labels, classes, files }: IdxParts): ImageDataset {
  const [count = 0, height = 0, width = 0, channels = 1] = pixels.shape;
  const image = pixels.shape.length === 3 || pixels.shape.length === 4;
  if (!image || (channels !== 1 && channels !== 3) || pixels.data.length === 0) {
    const expected = "images of shape [images, height, width] or [images, height, width, 1 or 3]";
    throw new SitError("bad-file", `${files[0]}: expected ${expected}, got [${pixels.shape.join(", ")}]`);
  }
  if (labels && (labels.shape.length !== 1 || labels.shape[0] !== count)) {
    throw new SitError(
      "bad-file",
      `${files[1]}: expected [${count}] labels, got [${labels.shape.join(", ")}]`,
    );
  }
  return memoryDataset({
    name,
    pixels: pixels.data,
    width,
    height,
    channels: channels as Channels,
    classes,
    labels: labels?.data,
  });
}

/**
 * Reads a file, uncompressed where it is gzip by its first bytes.
 * @throws SitError "missing-file" or "bad-file", naming the file.
 */
export async function readPlain(path: string): Promise<Uint8Array> {
  const file = await openFile(path);
  try {
    const bytes = new Uint8Array(file.size);
    await file.read(0, bytes);
    return await uncompress(bytes, path);
  } finally {
    await file.close();
  }
}

/** The bytes themselves, or what they hold where they are gzip. Throws `SitError("bad-file")` naming `name`. */
export async function uncompress(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return await unzip(bytes, { maxOutputLength: maximumBytes });
  } catch (error) {
    throw new SitError("bad-file", `${name}: expected a whole gzip file, got: ${reason(error)}`, {
      cause: error,
    });
  }
}
