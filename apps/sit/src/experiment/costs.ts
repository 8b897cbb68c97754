import type { ImageDataset } from "@sitjs/data";
import type { Parts } from "../config.js";
import { type LoaderContext, pretrainViews } from "./loaders.js";
import { TRAINING_COST } from "./time-left.js";

/**
 * What a pretraining costs, in images through the network once forward: all views through the student, forward and
 * backward, and through a teacher; small ones cost less.
 */
export function pretrainingCost(images: ImageDataset, context: LoaderContext, parts: Parts): number {
  const { imageSize, epochs } = context.settings;
  const shares = pretrainViews(context, parts).map(({ size }) => {
    const { height, width } = typeof size === "number" ? { height: size, width: size } : size;
    return (height * width) / imageSize ** 2;
  });
  const views = shares.reduce((sum, share) => sum + share, 0);
  return (TRAINING_COST + 1) * views * images.length * epochs;
}
