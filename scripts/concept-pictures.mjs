// npm run concept-pictures: the pictures of docs/concepts.md, of images of CIFAR-10, by the packages themselves: what GMML
// makes of an image (docs/pictures/corruptions.png) and its two views (docs/pictures/views.png). Run after the build.
import { join } from "node:path";
import { createViews, normalizer, sitViews } from "@sitjs/augment";
import { randomStream } from "@sitjs/core/random";
import { cifar10 } from "@sitjs/data";
import { useEngine } from "@sitjs/engine";
import { gmml } from "@sitjs/masking";
import * as tf from "@tensorflow/tfjs";
import sharp from "sharp";
import { root } from "./lib/steps.mjs";

/** Which test images: a cat, a ship, a frog, a horse. */
const IMAGES = [0, 1, 4, 13];
const SEED = 0;
/** Pixels of the picture for a pixel of an image, and between two images. */
const [ZOOM, GAP] = [3, 6];
const statistics = { mean: [0.4914, 0.4822, 0.4465], deviation: [0.247, 0.2435, 0.2616] };

await useEngine({ prefer: "cpu" });
const dataset = await cifar10({ split: "test" });
const images = await Promise.all(IMAGES.map((index) => dataset.image(index)));
await writeGrid("corruptions.png", await corruptions(images));
await writeGrid("views.png", await views(images));

/** Rows of: clean, where it is corrupted, then zeros, noise, another image's content, content from elsewhere in it. */
async function corruptions(clean) {
  const [{ height, width }] = clean;
  const values = new Float32Array(clean.length * height * width * 3);
  const write = normalizer(statistics);
  for (const [i, image] of clean.entries()) write.write(image, values, i * height * width * 3);
  const batch = tf.tensor4d(values, [clean.length, height, width, 3]);
  const columns = [];
  for (const kind of ["zeros", "noise", "replace", "rand"]) {
    // Of one stream: each kind corrupts the same places.
    const corruption = gmml({ [kind]: { ratio: 0.5, minimumRatio: 0.4 } });
    const corrupted = corruption.corrupt(batch, randomStream(SEED, "corruption"));
    if (columns.length === 0) columns.push(masks(await corrupted.mask.data(), height, width));
    columns.push(pixels(await corrupted.images.data(), height, width));
  }
  return clean.map((image, row) => [image, ...columns.map((column) => column[row])]);
}

/** Rows of: the image, three draws of view 1, three of view 2. */
async function views(clean) {
  const made = await createViews(sitViews({ size: 32, preset: "small", ...statistics }));
  return clean.map((image, row) => [
    image,
    ...made.flatMap((view) =>
      [0, 1, 2].map((epoch) => view.render(image, randomStream(SEED, "augment", epoch, row))),
    ),
  ]);
}

/** Images of a mask [batch, height, width, 1]: white where it is 1. */
function masks(values, height, width) {
  return split(
    Uint8Array.from({ length: values.length * 3 }, (_, i) => 255 * values[Math.floor(i / 3)]),
    height,
    width,
  );
}

/** Images of normalised values [batch, height, width, 3]; what is out of range is cut. */
function pixels(values, height, width) {
  const { mean, deviation } = statistics;
  return split(
    Uint8ClampedArray.from(values, (value, i) => 255 * (value * deviation[i % 3] + mean[i % 3])),
    height,
    width,
  );
}

function split(data, height, width) {
  const length = height * width * 3;
  return Array.from({ length: data.length / length }, (_, i) => ({
    data: data.subarray(i * length, (i + 1) * length),
    height,
    width,
    channels: 3,
  }));
}

/** Writes rows of images of one size, enlarged without smoothing, as a PNG with nothing between them. */
async function writeGrid(name, rows) {
  const { width, height } = rows[0][0];
  const [stepX, stepY] = [width * ZOOM + GAP, height * ZOOM + GAP];
  const cells = rows.flatMap((row, y) =>
    row.map(async ({ data, channels }, x) => ({
      input: await sharp(data, { raw: { width, height, channels } })
        .resize(width * ZOOM, height * ZOOM, { kernel: "nearest" })
        .png()
        .toBuffer(),
      left: x * stepX,
      top: y * stepY,
    })),
  );
  const size = { width: rows[0].length * stepX - GAP, height: rows.length * stepY - GAP };
  const path = join(root, "docs", "pictures", name);
  await sharp({ create: { ...size, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } })
    .composite(await Promise.all(cells))
    .png({ compressionLevel: 9 })
    .toFile(path);
  console.log(path);
}
