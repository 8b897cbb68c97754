import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ImageDataset } from "./dataset.js";
import { inLanes } from "./in-lanes.js";
import { sampleFile } from "./sample-name.js";
import type { EncodedStorage, ImageStorage } from "./storage.js";

/** An image of one dataset that is in another too, each as `sampleFile` calls it. */
export interface SharedImage {
  readonly image: string;
  /** The first of those that it equals. */
  readonly other: string;
}

/** As much is compared of two files of one size, from their middle: beginnings are alike in many. */
const COMPARED_BYTES = 4096;

/**
 * The images of `dataset` that are among those of `other` too, by the size of their files and 4 KiB from the middle: test
 * images that were learned from. Files are not decoded, so the same picture saved anew is not found; one that cannot be
 * read counts as different. Of images in memory none is found.
 * @throws the reason of an aborted `signal`
 */
export async function sharedImages(
  dataset: ImageDataset,
  other: ImageDataset,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<SharedImage[]> {
  const sizes = await sizesOf(dataset.storage, signal);
  const otherSizes = await sizesOf(other.storage, signal);
  const [known, otherKnown] = [new Set(sizes), new Set(otherSizes)];
  const firsts = new Map<string, number>();
  const inOther = await contents(other.storage, otherSizes, (size) => known.has(size), signal);
  inOther.forEach((key, i) => {
    if (key !== undefined && !firsts.has(key)) firsts.set(key, i);
  });
  const own = await contents(dataset.storage, sizes, (size) => otherKnown.has(size), signal);
  return own.flatMap((key, i) => {
    const first = key === undefined ? undefined : firsts.get(key);
    return first === undefined ? [] : [{ image: sampleFile(dataset, i), other: sampleFile(other, first) }];
  });
}

/** The size of each image's file in bytes; 0 where it is not known. */
async function sizesOf(storage: ImageStorage, signal: AbortSignal | undefined): Promise<number[]> {
  if (storage.kind === "encoded") return storage.names.map((_, i) => storage.ranges[2 * i + 1] as number);
  if (storage.kind === "memory") return [];
  const { root, paths } = storage;
  return await inLanes(paths.length, async (i) => {
    signal?.throwIfAborted();
    const found = await stat(join(root, paths[i] as string)).catch(() => undefined);
    return found?.isFile() ? found.size : 0;
  });
}

/** What each image is compared by; undefined for those whose size is of no interest. */
async function contents(
  storage: ImageStorage,
  sizes: readonly number[],
  wanted: (size: number) => boolean,
  signal: AbortSignal | undefined,
): Promise<(string | undefined)[]> {
  if (storage.kind === "memory") return [];
  return await inLanes(sizes.length, async (i) => {
    signal?.throwIfAborted();
    const size = sizes[i] as number;
    if (size === 0 || !wanted(size)) return undefined;
    const length = Math.min(size, COMPARED_BYTES);
    const from = Math.floor((size - length) / 2);
    const bytes =
      storage.kind === "files"
        ? await part(join(storage.root, storage.paths[i] as string), from, length)
        : await encodedPart(storage, i, from, length);
    return bytes && `${size} ${createHash("sha256").update(bytes).digest("hex")}`;
  });
}

async function encodedPart(
  { bytes, ranges }: EncodedStorage,
  index: number,
  from: number,
  length: number,
): Promise<Uint8Array | undefined> {
  const begin = (ranges[2 * index] as number) + from;
  if (!(bytes instanceof SharedArrayBuffer)) return await part(bytes.file, begin, length);
  return Uint8Array.from(new Uint8Array(bytes, begin, length));
}

async function part(path: string, from: number, length: number): Promise<Uint8Array | undefined> {
  // Without blocking: see `readImageFile`.
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
  const file = await open(path, flags).catch(() => undefined);
  try {
    const bytes = Buffer.allocUnsafe(length);
    const read = await file?.read(bytes, 0, length, from);
    return read?.bytesRead === length ? bytes : undefined;
  } catch {
    return undefined;
  } finally {
    await file?.close();
  }
}
