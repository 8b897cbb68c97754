import { applyViews, type Image, type View } from "@sitjs/augment";
import { SitError } from "@sitjs/core/errors";
import { randomStream } from "@sitjs/core/random";
import { badImage, drawReplacement } from "./bad-images.js";
import type { BadImage, BatchRecipe, BatchTask, BatchWatch, MadeBatch } from "./batch-task.js";
import { type ImageQueue, readAhead } from "./read-ahead.js";
import { sampleName } from "./sample-name.js";

/**
 * Makes the views of a batch. Sample `i` draws from `randomStream(seed, "augment", epoch, i)`, so neither the batch nor
 * the thread it is in makes a difference; where it stands in for a bad sample `b`, from `randomStream(seed, "augment",
 * epoch, i, "replaces", b)`, so that a batch which has sample `i` twice has it with other draws.
 * @param images the samples' images, where the caller reads them ahead; closed at the end
 * @throws SitError naming the file or sample
 */
export async function makeBatch(
  recipe: BatchRecipe,
  views: readonly View[],
  { epoch, indices, buffers }: BatchTask,
  images: ImageQueue = readAhead(recipe.storage).open(indices),
  { cancelled = () => false, at = () => undefined }: BatchWatch = {},
): Promise<MadeBatch> {
  const { storage, name, seed, badImages } = recipe;
  const out = views.map((view, i) => {
    const length = indices.length * view.length;
    const buffer = buffers?.[i];
    return buffer?.byteLength === 4 * length ? new Float32Array(buffer) : new Float32Array(length);
  });
  const used = new Int32Array(indices.length);
  const bad = new Map<number, BadImage>();
  let rows = 0;
  try {
    for (let row = 0; row < indices.length && !cancelled(); row++) {
      const wanted = indices[row] as number;
      let index = wanted;
      let image: Image;
      at(wanted);
      try {
        const next = images.next();
        // Not awaited where the pixels are at hand: a turn of the event loop costs more than a small image.
        image = next instanceof Promise ? await next : next;
      } catch (error) {
        if (badImages === "throw") throw error;
        bad.set(wanted, badImage(recipe, wanted, error));
        if (badImages === "leave-out") continue;
        ({ index, image } = await drawReplacement(recipe, epoch, wanted, bad, at));
      }
      const stream =
        index === wanted
          ? randomStream(seed, "augment", epoch, index)
          : randomStream(seed, "augment", epoch, index, "replaces", wanted);
      try {
        applyViews(views, image, stream, out, rows);
      } catch (error) {
        throw named(sampleName(storage, name, index), error);
      }
      used[rows++] = index;
    }
  } finally {
    images.close();
  }
  const problems = [...bad.values()];
  if (rows === indices.length) return { views: out, indices: used, problems };
  const kept = out.map((data, i) => data.slice(0, rows * (views[i] as View).length));
  return { views: kept, indices: used.slice(0, rows), problems };
}

function named(where: string, error: unknown): SitError {
  const message = error instanceof Error ? error.message : String(error);
  const known = SitError.isInstance(error) ? error : undefined;
  return new SitError(known?.code ?? "bad-option", `${where}: ${message}`, {
    mend: known?.mend,
    cause: error,
  });
}
