import type { Image } from "@sitjs/augment";
import { printable, SitError } from "@sitjs/core/errors";
import { randomStream } from "@sitjs/core/random";
import type { BadImage, BatchRecipe } from "./batch-task.js";
import { storageLength } from "./dataset.js";
import { isFileFault } from "./faults.js";
import { readImage } from "./reader.js";
import { samplePath } from "./sample-name.js";

/** So many other samples are drawn for one that is bad; where a third of a dataset is bad, all are in 1 of 10^15 cases. */
const DRAWS = 32;

/**
 * The record of a sample that cannot be read.
 * @throws the error, where it is not the file's fault
 */
export function badImage({ storage }: BatchRecipe, index: number, error: unknown): BadImage {
  if (!isFileFault(error)) throw error;
  const { kind, reason } = error;
  return { index, path: samplePath(storage, index) as string, kind, reason };
}

/**
 * Another sample in the place of `wanted`, drawn from `randomStream(seed, "replacement", epoch, wanted)` until one can be
 * read. Those that cannot are added to `bad`; it depends on the files alone what is drawn.
 * @throws SitError "bad-file" where none of 32 draws can be read
 */
export async function drawReplacement(
  recipe: BatchRecipe,
  epoch: number,
  wanted: number,
  bad: Map<number, BadImage>,
  at: (index: number) => void,
): Promise<{ index: number; image: Image }> {
  const { storage, seed } = recipe;
  const draws = randomStream(seed, "replacement", epoch, wanted);
  for (let draw = 0; draw < DRAWS; draw++) {
    const index = draws.integer(0, storageLength(storage));
    if (bad.has(index)) continue;
    at(index);
    try {
      return { index, image: await readImage(storage, index) };
    } catch (error) {
      bad.set(index, badImage(recipe, index, error));
    }
  }
  const { path, reason } = bad.get(wanted) as BadImage;
  throw new SitError(
    "bad-file",
    `${printable(path)}: ${reason}; none of ${DRAWS} images drawn to replace it could be read either`,
    { mend: "See whether the folder of the images is still there." },
  );
}
