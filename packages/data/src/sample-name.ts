import { join } from "node:path";
import { printable } from "@sitjs/core/errors";
import type { ImageStorage } from "./storage.js";

/** What a sample is called in messages: the path of its file, or its number in the dataset called `dataset`. */
export function sampleName(storage: ImageStorage, dataset: string, index: number): string {
  const path = samplePath(storage, index);
  return printable(path ?? `sample ${index} of ${dataset}`);
}

/** The path of a sample's file; undefined where it is in memory. */
export function samplePath(storage: ImageStorage, index: number): string | undefined {
  return storage.kind === "files" ? join(storage.root, storage.paths[index] as string) : undefined;
}
