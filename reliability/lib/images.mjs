// Small real images as files, for runs that read a folder as a user's run does.
import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { randomStream } from "@sitjs/core/random";
import { idxDataset } from "@sitjs/data";
import { cacheFolder } from "@sitjs/engine";
import sharp from "sharp";

const SIDE = 28;
const idx = { images: "t10k-images-idx3-ubyte", labels: "t10k-labels-idx1-ubyte" };

/**
 * Writes PNG files of 28 x 28 grey pixels, the same whenever asked for on a machine: the first test images of
 * Fashion-MNIST where an earlier `npm run demo` or Debian's package has put them on the disk, else drawn ones. Nothing is
 * downloaded.
 *
 * @param {string} folder where they go; made
 * @param {number} count
 * @param {{ classes?: boolean }} [options] a folder for each class
 * @returns {Promise<string>} what they are, in words
 */
export async function writeImages(folder, count, { classes = false } = {}) {
  const files = await fashionMnistFiles();
  const dataset = files && (await idxDataset(files));
  for (let i = 0; i < count; i++) {
    const data = dataset ? (await dataset.image(i % dataset.length)).data : drawing(i);
    const label = dataset?.labels?.[i % dataset.length] ?? i % 2;
    const target = classes ? join(folder, `class-${label}`) : folder;
    await mkdir(target, { recursive: true });
    const path = join(target, `${String(i).padStart(4, "0")}.png`);
    await sharp(data, { raw: { width: SIDE, height: SIDE, channels: 1 } })
      .png()
      .toFile(path);
  }
  return dataset ? "test images of Fashion-MNIST" : "drawn images";
}

async function fashionMnistFiles() {
  const cached = join(cacheFolder(), "datasets");
  const names = existsSync(cached)
    ? (await readdir(cached)).filter((name) => /^fashion-mnist/.test(name))
    : [];
  const folders = [...names.sort().map((name) => join(cached, name)), "/usr/share/datasets/fashion-mnist"];
  for (const folder of folders) {
    for (const ending of ["", ".gz"]) {
      const [images, labels] = [idx.images, idx.labels].map((name) => join(folder, `${name}${ending}`));
      if (existsSync(images) && existsSync(labels)) return { images, labels };
    }
  }
  return undefined;
}

/** A bright rectangle on dark noise, wider or narrower by its class. */
function drawing(index) {
  const rng = randomStream(0, "drawing", index);
  const [left, top] = [rng.integer(2, 12), rng.integer(2, 12)];
  const right = index % 2 === 0 ? rng.integer(14, 18) : rng.integer(22, 27);
  const bottom = rng.integer(15, 26);
  return Uint8Array.from({ length: SIDE * SIDE }, (_, i) => {
    const [row, column] = [Math.floor(i / SIDE), i % SIDE];
    const inside = row >= top && row < bottom && column >= left && column < right;
    return rng.integer(0, 60) + (inside ? 150 : 0);
  });
}
