import { join } from "node:path";
import type { Image } from "@sitjs/augment";
import { decodeFile } from "./decode.js";
import type { ImageStorage } from "./storage.js";

/** Reads one image of a storage: a view of shared memory, or a decoded file. Runs in workers and outside. */
export function readImage(storage: ImageStorage, index: number): Image | Promise<Image> {
  const { channels } = storage;
  if (storage.kind === "files") {
    const path = join(storage.root, storage.paths[index] as string);
    return decodeFile(path, { channels, shorterSide: storage.shorterSide });
  }
  const { width, height } = storage;
  const size = width * height * channels;
  const row = storage.rows ? (storage.rows[index] as number) : index;
  return { data: new Uint8Array(storage.pixels, row * size, size), width, height, channels };
}
