import { join } from "node:path";
import { applyViews, type View } from "@sitjs/augment";
import { SitError } from "@sitjs/core/errors";
import { randomStream } from "@sitjs/core/random";
import { type ImageQueue, readAhead } from "./read-ahead.js";
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
  /** Memory to put the views into, one for each; those of another size are left aside. */
  readonly buffers?: readonly ArrayBuffer[] | undefined;
}

/**
 * Makes the views of a batch: for each view an array [batch, height, width, channels]. Sample `i` draws from
 * `randomStream(seed, "augment", epoch, i)`, so neither the batch nor the thread it is in makes a difference.
 * @param images the samples' images, where the caller reads them ahead; closed at the end
 * @param cancelled asked between samples; the batch is left unfinished once it says true
 * @throws SitError naming the file or sample
 */
export async function makeBatch(
  { storage, seed }: BatchRecipe,
  views: readonly View[],
  { epoch, indices, buffers }: BatchTask,
  images: ImageQueue = readAhead(storage).open(indices),
  cancelled: () => boolean = () => false,
): Promise<Float32Array<ArrayBuffer>[]> {
  const out = views.map((view, i) => {
    const length = indices.length * view.length;
    const buffer = buffers?.[i];
    return buffer?.byteLength === 4 * length ? new Float32Array(buffer) : new Float32Array(length);
  });
  try {
    for (let row = 0; row < indices.length && !cancelled(); row++) {
      const index = indices[row] as number;
      const next = images.next();
      // Not awaited where the pixels are at hand: a turn of the event loop costs more than a small image.
      const image = next instanceof Promise ? await next : next;
      try {
        applyViews(views, image, randomStream(seed, "augment", epoch, index), out, row);
      } catch (error) {
        throw named(storage, index, error);
      }
    }
  } finally {
    images.close();
  }
  return out;
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
