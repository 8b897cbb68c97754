import * as tf from "@tensorflow/tfjs";
import type { Corruption } from "../module.js";
import { randomStream } from "../random.js";
import { type Check, checksOf, refusal } from "./check.js";
import { leakedTensors } from "./leaks.js";
import { type SettingsCheckOptions, settingsBodies } from "./settings-checks.js";
import { allFinite, bitsOf, drawn, shapeText } from "./values.js";

export interface CorruptionCheckOptions extends SettingsCheckOptions<Corruption> {
  /** Sides of the images; default 16 and 24 pixels, 3 channels. */
  readonly height?: number;
  readonly width?: number;
  readonly channels?: number;
  /** False for a corruption that draws nothing; default true. */
  readonly random?: boolean;
  /** The lowest and the highest share of an image's pixels that it may mask; default [0, 1]. */
  readonly share?: readonly [low: number, high: number];
  /** The mask is of whole squares of so many pixels, on their grid; default 1. */
  readonly cell?: number;
  /** True where corrupted pixels may come from other images of the batch; default false. */
  readonly borrows?: boolean;
}

const BATCH = 4;

/** What is asked of every `Corruption`. `make` is called for each check. */
export function corruptionChecks(
  make: () => Corruption | Promise<Corruption>,
  options: CorruptionCheckOptions = {},
): Check[] {
  const { height = 16, width = 24, channels = 3, random = true, cell = 1, borrows = false } = options;
  const [low, high] = options.share ?? [0, 1];
  const batch = () => drawn<tf.Tensor4D>([BATCH, height, width, channels], "images");
  const stream = (seed = 0) => randomStream(seed, "corruption");

  return checksOf(make, {
    ...settingsBodies(make, options),

    "gives images and a mask of their sides, float32"(part, ensure) {
      const { images, mask } = part.corrupt(batch(), stream());
      const sides = `${BATCH}, ${height}, ${width}`;
      ensure(
        shapeText(images) === `[${sides}, ${channels}]`,
        `images [${sides}, ${channels}]`,
        shapeText(images),
      );
      ensure(shapeText(mask) === `[${sides}, 1]`, `a mask [${sides}, 1]`, shapeText(mask));
      for (const { dtype } of [images, mask]) ensure(dtype === "float32", "float32", dtype);
      ensure(allFinite(images), "finite images", "others");
    },

    "masks with 0 and 1 alone"(part, ensure) {
      const values = part.corrupt(batch(), stream()).mask.dataSync();
      const other = values.find((value) => value !== 0 && value !== 1);
      ensure(other === undefined, "0 or 1 at each pixel of the mask", other);
    },

    "masks the share that it is said to"(part, ensure) {
      const { mask } = part.corrupt(batch(), stream());
      // Float32 sums of whole numbers are exact; half a pixel allows for a share that is none of pixels.
      const half = 0.5 / (height * width);
      for (const share of tf.mean(mask, [1, 2, 3]).dataSync()) {
        ensure(share >= low - half && share <= high + half, `a share from ${low} to ${high}`, share);
      }
    },

    "masks whole cells"(part, ensure) {
      const { mask } = part.corrupt(batch(), stream());
      const cells = tf.maxPool(mask, cell, cell, "valid");
      const painted = tf.image.resizeNearestNeighbor(cells, [height, width]);
      ensure(bitsOf(painted) === bitsOf(mask), `squares of ${cell} pixels, whole`, "parts of some");
    },

    "leaves what is not masked as it was, and nothing that is"(part, ensure) {
      const clean = batch();
      const { images, mask } = part.corrupt(clean, stream());
      const changed = tf.cast(tf.any(tf.notEqual(images, clean), 3, true), "float32");
      const outside = tf.sum(tf.mul(changed, tf.sub(1, mask))).dataSync()[0] as number;
      ensure(outside === 0, "no pixel changed where the mask is 0", `${outside}`);
      const [masked, inside] = [mask, tf.mul(changed, mask)].map((x) => tf.sum(x).dataSync()[0] as number);
      ensure(masked === 0 || inside !== 0, "pixels changed where the mask is 1", "none");
    },

    "draws from its stream alone"(part, ensure) {
      const clean = batch();
      const both = (seed: number) => {
        const { images, mask } = part.corrupt(clean, stream(seed));
        return `${bitsOf(images)} ${bitsOf(mask)}`;
      };
      const first = both(0);
      const other = both(1);
      ensure(both(0) === first, "the same bits from the same stream", "others");
      if (random) ensure(other !== first, "other bits from another stream", "the same");
      else ensure(other === first, "the same bits from any stream", "others");
    },

    "treats an image alike whatever the rest of the batch"(part, ensure) {
      const clean = batch();
      const all = part.corrupt(clean, stream());
      const few = part.corrupt(tf.slice(clean, 0, 2), stream());
      const firstTwo = (tensor: tf.Tensor) => bitsOf(tf.slice(tensor, 0, 2));
      ensure(bitsOf(few.mask) === firstTwo(all.mask), "the masks of two images as among four", "others");
      if (borrows) return;
      ensure(bitsOf(few.images) === firstTwo(all.images), "two images corrupted as among four", "otherwise");
    },

    async "borrows its input, and leaves two tensors"(part, ensure) {
      const clean = batch();
      const before = bitsOf(clean);
      const leaked = await leakedTensors(() => part.corrupt(clean, stream()));
      ensure(leaked === 2, "two tensors, the images and the mask", leaked);
      const { images, mask } = part.corrupt(clean, stream());
      tf.dispose([images, mask]);
      ensure(!clean.isDisposed, "an input that is not disposed with the output", "a disposed one");
      ensure(bitsOf(clean) === before, "an input that stays as it was", "a changed one");
    },

    "refuses what is no batch of images"(part, ensure) {
      const flat = tf.ones([BATCH, height * width]) as unknown as tf.Tensor4D;
      const { refused, got } = refusal(() => part.corrupt(flat, stream()));
      ensure(refused, `a SitError for images ${shapeText(flat)}`, got);
    },
  });
}
