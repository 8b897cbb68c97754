import { join } from "node:path";
import type { Image } from "@sitjs/augment";
import { decodeFile, decodeImage } from "./decode.js";
import { readEncoded } from "./encoded.js";
import type { ImageStorage } from "./storage.js";

/** Reads one image of a storage: a view of shared memory, or decoded. Runs in workers and outside. */
export function readImage(storage: ImageStorage, index: number): Image | Promise<Image> {
  if (storage.kind === "files")
    return decodeFile(join(storage.root, storage.paths[index] as string), storage);
  if (storage.kind === "encoded")
    return decodeImage(storage.names[index] as string, readEncoded(storage, index), storage);
  const { width, height, channels } = storage;
  const size = width * height * channels;
  const row = storage.rows ? (storage.rows[index] as number) : index;
  return { data: new Uint8Array(storage.pixels, row * size, size), width, height, channels };
}
