import { join } from "node:path";
import { applyViews, type Image, type View } from "@sitjs/augment";
import { SitError } from "@sitjs/core/errors";
import { randomStream } from "@sitjs/core/random";
import { readImage } from "./reader.js";
import type { ImageStorage } from "./storage.js";

/** What a thread needs to make any batch of a dataset. */
export interface BatchRecipe {
  readonly storage: ImageStorage;
  readonly seed: number;
}

/** One batch to make. */
export interface BatchTask {
  readonly epoch: number;
  /** Which samples, in order. */
  readonly indices: Int32Array;
}

/**
 * Makes the views of a batch: for each view a new array [batch, height, width, channels]. Sample `i` draws from
 * `randomStream(seed, "augment", epoch, i)`, so neither the batch nor the thread it is in makes a difference.
 * @param cancelled asked between samples; the batch is left unfinished once it says true
 * @throws SitError naming the file or sample
 */
export async function makeBatch(
  { storage, seed }: BatchRecipe,
  views: readonly View[],
  { epoch, indices }: BatchTask,
  cancelled: () => boolean = () => false,
): Promise<Float32Array<ArrayBuffer>[]> {
  const out = views.map((view) => new Float32Array(indices.length * view.length));
  // Files are decoded outside of JavaScript's thread: the next two while one is augmented.
  const ahead = [read(storage, indices[0]), read(storage, indices[1])];
  for (let row = 0; row < indices.length && !cancelled(); row++) {
    const index = indices[row] as number;
    const next = ahead.shift();
    // Not awaited where the pixels are at hand: a turn of the event loop costs more than a small image.
    const image = next instanceof Promise ? await next : next;
    ahead.push(read(storage, indices[row + 2]));
    try {
      applyViews(views, image as Image, randomStream(seed, "augment", epoch, index), out, row);
    } catch (error) {
      throw named(storage, index, error);
    }
  }
  return out;
}

function read(storage: ImageStorage, index: number | undefined): Image | Promise<Image> | undefined {
  if (index === undefined) return undefined;
  const image = readImage(storage, index);
  // Where an earlier sample fails first, nobody waits for this one: its failure must not end the process.
  if (image instanceof Promise) image.catch(() => undefined);
  return image;
}

function named(storage: ImageStorage, index: number, error: unknown): SitError {
  const where =
    storage.kind === "files" ? join(storage.root, storage.paths[index] as string) : `sample ${index}`;
  const message = error instanceof Error ? error.message : String(error);
  const known = SitError.isInstance(error) ? error : undefined;
  return new SitError(known?.code ?? "bad-option", `${where}: ${message}`, {
    mend: known?.mend,
    cause: error,
  });
}
