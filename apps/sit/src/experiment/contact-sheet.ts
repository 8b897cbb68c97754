import {
  type ChannelStatistics,
  createViews,
  evalView,
  type Image,
  type View,
  type ViewSpec,
} from "@sitjs/augment";
import { randomStream, tidy } from "@sitjs/core";
import { SitError } from "@sitjs/core/errors";
import { type ImageDataset, ImageError, sampleFile } from "@sitjs/data";
import * as tf from "@tensorflow/tfjs";
import type { Parts } from "../config.js";
import { corruptionOf } from "../methods/parts.js";
import { methodPlans } from "../methods/plans.js";
import type { Settings } from "../settings/settings.js";
import { drawImages } from "./data.js";
import type { LeftOut } from "./left-out.js";
import { pretrainViews } from "./loaders.js";
import { type Picture, toPicture } from "./pictures.js";

/** Images of a data set, each as it is and in the views that a method learns from. */
export interface ContactSheet {
  /** What the rows are, from the top: "as it is", the views' names, "view1 corrupted". */
  readonly rows: readonly string[];
  /** The pictures of each image, in the order of `rows`. */
  readonly columns: readonly (readonly Picture[])[];
}

interface ContactSheetOptions {
  readonly count: number;
  readonly seed: number;
  readonly settings: Settings;
  readonly statistics: ChannelStatistics;
  readonly parts: Parts;
  readonly leftOut: LeftOut;
  /** Which images these are. */
  readonly part: "training" | "test";
  readonly signal: AbortSignal;
}

/**
 * Draws `count` images by the seed, and makes the views of the first epoch. An image that cannot be read is passed over.
 * Corruption needs an engine that has been started.
 * @throws SitError "bad-file" where none can be read
 */
export async function contactSheet(
  dataset: ImageDataset,
  options: ContactSheetOptions,
): Promise<ContactSheet> {
  const { count, seed, settings, statistics, parts, leftOut, part } = options;
  const context = { settings, statistics, seed, workers: 0, leftOut };
  const specs = pretrainViews(context, parts);
  const [clean, ...views] = (await createViews([
    { ...(evalView({ size: settings.imageSize, ...statistics })[0] as ViewSpec), name: "as it is" },
    ...specs,
  ])) as [View, ...View[]];
  const drawn = drawImages(dataset, Math.min(count, dataset.length), seed, "pictures");
  const columns: Picture[][] = [];
  const images: Image[] = [];
  for (let i = 0; i < drawn.length; i++) {
    options.signal.throwIfAborted();
    const image = await readable(drawn, i, leftOut, part);
    if (image === undefined) continue;
    const rng = viewRandom(seed, images.length);
    columns.push([clean, ...views].map((view) => asPicture(view.render(image, rng))));
    images.push(image);
  }
  if (images.length === 0) {
    throw new SitError(
      "bad-file",
      `${dataset.name}: expected an image that can be read, got none of ${drawn.length}`,
    );
  }
  const rows = [clean, ...views].map(({ name }) => name);
  const corrupts = (methodPlans[settings.method].parts as readonly string[]).includes("corruption");
  const [view] = views;
  // A single image has no other to take pieces from.
  const alone = images.length < 2;
  if (!corrupts || alone || parts.method !== undefined || view === undefined) return { rows, columns };
  const corrupted = await corruptedViews(images, view, options);
  columns.forEach((pictures, i) => {
    pictures.push(corrupted[i] as Picture);
  });
  return { rows: [...rows, `${view.name} corrupted`], columns };
}

const viewRandom = (seed: number, image: number) => randomStream(seed, "augment", 0, image);

/** The view of each image, as the network gets it: corrupted by groups of pixels, also of the other images. */
async function corruptedViews(
  images: readonly Image[],
  view: View,
  { settings, parts, seed, statistics }: ContactSheetOptions,
): Promise<Picture[]> {
  const { height, width, channels } = view;
  const batch = new Float32Array(images.length * view.length);
  for (const [i, image] of images.entries()) view.write(image, viewRandom(seed, i), batch, i * view.length);
  const rng = randomStream(seed, "corruption");
  const corrupted = tidy(
    () =>
      corruptionOf({ settings, parts }).corrupt(
        tf.tensor4d(batch, [images.length, height, width, channels]),
        rng,
      ).images,
  );
  const data = (await corrupted.data()) as Float32Array;
  corrupted.dispose();
  return images.map((_, i) => toPicture(data, i, width, height, statistics));
}

async function readable(
  dataset: ImageDataset,
  index: number,
  leftOut: LeftOut,
  part: "training" | "test",
): Promise<Image | undefined> {
  try {
    return await dataset.image(index);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    leftOut.add(part, { path: sampleFile(dataset, index), kind: error.kind, reason: error.reason });
    return undefined;
  }
}

const asPicture = ({ data, width, height, channels }: Image): Picture => {
  // Floats are 0 to 1.
  const bytes = data instanceof Float32Array ? Uint8ClampedArray.from(data, (value) => 255 * value) : data;
  return { width, height, channels, data: Uint8Array.from(bytes) };
};
