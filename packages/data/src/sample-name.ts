import { join } from "node:path";
import type { ImageStorage } from "./storage.js";

/** What a sample is called in messages: the path of its file, or its number in the dataset called `dataset`. */
export function sampleName(storage: ImageStorage, dataset: string, index: number): string {
  if (storage.kind === "files") return join(storage.root, storage.paths[index] as string);
  return `sample ${index} of ${dataset}`;
}
