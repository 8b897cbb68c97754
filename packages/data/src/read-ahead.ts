import type { Image } from "@sitjs/augment";
import { readImage } from "./reader.js";
import type { ImageStorage } from "./storage.js";

/** The images of one batch, one after the other. */
export interface ImageQueue {
  /** The next image; a promise only where it has to be read from a file. */
  next(): Image | Promise<Image>;
  /** Forgets the images that have not been taken. */
  close(): void;
}

interface Slot {
  readonly index: number;
  image: Image | Promise<Image> | undefined;
}

/** Images that are being read or wait decoded, in a thread, beside the one that is augmented. */
const AHEAD = 2;

/**
 * Reads images before they are wanted: files are read and decoded outside of JavaScript's thread, which augments others
 * meanwhile. Goes on from batch to batch: `open` one while another is made, and its first images are there in time.
 */
export function readAhead(storage: ImageStorage): { open(indices: Int32Array): ImageQueue } {
  /** What has not been taken, in order, of all batches. */
  let waiting: Slot[] = [];
  const start = () => {
    for (const slot of waiting.slice(0, AHEAD)) slot.image ??= read(storage, slot.index);
  };
  return {
    open(indices) {
      if (storage.kind === "memory") return inMemory(storage, indices);
      let own: Slot[] = Array.from(indices, (index) => ({ index, image: undefined }));
      waiting.push(...own);
      start();
      return {
        next() {
          const slot = own.shift() as Slot;
          const image = slot.image ?? read(storage, slot.index);
          waiting = waiting.filter((one) => one !== slot);
          start();
          return image;
        },
        close() {
          const rest = new Set(own);
          own = [];
          waiting = waiting.filter((slot) => !rest.has(slot));
        },
      };
    },
  };
}

/** Nothing to wait for. */
function inMemory(storage: ImageStorage, indices: Int32Array): ImageQueue {
  let at = 0;
  return { next: () => readImage(storage, indices[at++] as number), close: () => undefined };
}

function read(storage: ImageStorage, index: number): Image | Promise<Image> {
  const image = readImage(storage, index);
  // Where an earlier sample fails first, nobody waits for this one: its failure must not end the process.
  if (image instanceof Promise) image.catch(() => undefined);
  return image;
}
