import { join } from "node:path";
import { printable } from "@sitjs/core/errors";
import type { ImageDataset } from "./dataset.js";
import type { ImageStorage } from "./storage.js";

/** What a sample is called in messages: the path of its file, or its number in the dataset called `dataset`. */
export function sampleName(storage: ImageStorage, dataset: string, index: number): string {
  const path = samplePath(storage, index);
  return printable(path ?? `sample ${index} of ${dataset}`);
}

/** The path of a sample's file, or its name in a table; undefined where it is in memory. */
export function samplePath(storage: ImageStorage, index: number): string | undefined {
  if (storage.kind === "files") return join(storage.root, storage.paths[index] as string);
  return storage.kind === "encoded" ? storage.names[index] : undefined;
}

/**
 * What a sample is called in lists: the path of its file below the dataset's folder with `/` between folders, its name in
 * a table, or the number of its image in memory.
 */
export function sampleFile({ storage }: ImageDataset, index: number): string {
  if (storage.kind === "files") return storage.paths[index] as string;
  if (storage.kind === "encoded") return storage.names[index] as string;
  return String(storage.rows ? storage.rows[index] : index);
}
