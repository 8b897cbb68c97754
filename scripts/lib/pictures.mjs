// Pictures for the docs, of images of CIFAR-10: from pixels to tensors and back, and grids of images as PNG files.
import { join } from "node:path";
import { normalizer } from "@sitjs/augment";
import { cifar10 } from "@sitjs/data";
import * as tf from "@tensorflow/tfjs";
import sharp from "sharp";
import { root } from "./steps.mjs";

/** Which test images: a cat, a ship, a frog, a horse. */
const IMAGES = [0, 1, 4, 13];
/** Pixels of the picture for a pixel of an image, and between two images. */
const [ZOOM, GAP] = [3, 6];

/** Of CIFAR-10's training images, by which `valuesOf` normalises. */
export const statistics = /** @type {const} */ ({
  mean: [0.4914, 0.4822, 0.4465],
  deviation: [0.247, 0.2435, 0.2616],
});

/** The four images, of 32 x 32 pixels. */
export async function exampleImages() {
  const dataset = await cifar10({ split: "test" });
  return Promise.all(IMAGES.map((index) => dataset.image(index)));
}

/** Images of one size as normalised values [batch, height, width, 3]. */
export function valuesOf(images) {
  const [{ height, width }] = images;
  const values = new Float32Array(images.length * height * width * 3);
  const write = normalizer(statistics);
  for (const [i, image] of images.entries()) write.write(image, values, i * height * width * 3);
  return tf.tensor4d(values, [images.length, height, width, 3]);
}

/** Images of normalised values [batch, height, width, 3]; what is out of range is cut. */
export async function imagesOfValues(tensor) {
  const { mean, deviation } = statistics;
  const values = await tensor.data();
  return split(
    Uint8ClampedArray.from(values, (value, i) => 255 * (value * deviation[i % 3] + mean[i % 3])),
    tensor.shape,
  );
}

/** Images of a mask [batch, height, width, 1]: white where it is 1. */
export async function imagesOfMask(tensor) {
  const values = await tensor.data();
  return split(
    Uint8Array.from({ length: values.length * 3 }, (_, i) => 255 * values[Math.floor(i / 3)]),
    tensor.shape,
  );
}

function split(data, [count, height, width]) {
  const length = height * width * 3;
  return Array.from({ length: count }, (_, i) => ({
    data: data.subarray(i * length, (i + 1) * length),
    height,
    width,
    channels: 3,
  }));
}

/** Writes rows of images as docs/pictures/NAME, each enlarged without smoothing to the size of the first. */
export async function writeGrid(name, rows) {
  const [width, height] = [rows[0][0].width * ZOOM, rows[0][0].height * ZOOM];
  const cells = rows.flatMap((row, y) =>
    row.map(async ({ data, width: columns, height: lines, channels }, x) => ({
      input: await sharp(data, { raw: { width: columns, height: lines, channels } })
        .resize(width, height, { kernel: "nearest", fit: "contain", background: "white" })
        .png()
        .toBuffer(),
      left: x * (width + GAP),
      top: y * (height + GAP),
    })),
  );
  const size = {
    width: rows[0].length * (width + GAP) - GAP,
    height: rows.length * (height + GAP) - GAP,
  };
  const path = join(root, "docs", "pictures", name);
  await sharp({ create: { ...size, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } })
    .composite(await Promise.all(cells))
    .png({ compressionLevel: 9 })
    .toFile(path);
  console.log(path);
}
