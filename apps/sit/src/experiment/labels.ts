import { SitError } from "@sitjs/core/errors";
import { balancedSubset, type ImageDataset } from "@sitjs/data";

/**
 * The same number of images of each class, drawn by the seed; a smaller draw is part of a larger one.
 * @throws SitError "bad-option" naming `--labels-per-class` where a class has fewer
 */
export function drawLabelled(dataset: ImageDataset, perClass: number, seed: number): ImageDataset {
  try {
    return balancedSubset(dataset, { perClass, seed });
  } catch (error) {
    if (!SitError.isInstance(error)) throw error;
    const message = error.message.replace(/^perClass/, "--labels-per-class");
    throw new SitError(error.code, message, { mend: error.mend, cause: error });
  }
}
