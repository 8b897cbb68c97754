import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { ImageDataset } from "./dataset.js";
import { inLanes } from "./in-lanes.js";

/**
 * What a dataset is known again by, cheaply: the SHA-256, hexadecimal, of its samples in their order. Of files the paths
 * below their folder and the sizes count, not their content; of encoded images names and sizes; of images in memory the pixels; and the labels or targets of both.
 */
export function datasetFingerprint(dataset: ImageDataset): Promise<string> {
  const found = fingerprint(dataset);
  known.set(dataset, found);
  return found;
}

/** The last fingerprint that was asked for, else a new one: a folder may have a million files. */
export function lastFingerprint(dataset: ImageDataset): Promise<string> {
  return known.get(dataset) ?? datasetFingerprint(dataset);
}

const known = new WeakMap<ImageDataset, Promise<string>>();

async function fingerprint(dataset: ImageDataset): Promise<string> {
  const { storage, labels, targets, channels } = dataset;
  const hash = createHash("sha256");
  hash.update(JSON.stringify({ kind: storage.kind, length: dataset.length, channels }));
  if (storage.kind === "files") {
    const sizes = await fileSizes(storage.root, storage.paths);
    storage.paths.forEach((path, i) => {
      hash.update(JSON.stringify([path, sizes[i]]));
    });
  } else if (storage.kind === "encoded") {
    storage.names.forEach((name, i) => {
      hash.update(JSON.stringify([name, storage.ranges[2 * i + 1]]));
    });
  } else {
    const { pixels, width, height, rows } = storage;
    hash.update(JSON.stringify({ width, height, subset: rows !== undefined }));
    hash.update(new Uint8Array(pixels));
    if (rows) hash.update(bytesOf(rows));
  }
  if (labels) hash.update(bytesOf(labels));
  if (targets) hash.update("targets").update(targets);
  return hash.digest("hex");
}

/** The size of each file in bytes; null where it cannot be told. */
async function fileSizes(root: string, paths: readonly string[]): Promise<(number | null)[]> {
  return await inLanes(paths.length, async (i) => {
    const found = await stat(join(root, paths[i] as string)).catch(() => undefined);
    return found?.size ?? null;
  });
}

function bytesOf({ buffer, byteOffset, byteLength }: Int32Array | Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
