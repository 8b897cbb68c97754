// npm run mosaics -- FOLDER: images that show several classes each, made of real ones: four pictures of Fashion-MNIST in
// a square, of one to four kinds of clothing. PNG files with their classes as CSV, JSON, COCO and Pascal VOC, in two parts:
// what `sit multilabel` reads. Options: --train 1200, --test 400, --seed 0.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomStream } from "@sitjs/core/random";
import { fashionMnist } from "@sitjs/data";
import sharp from "sharp";
import { readArguments } from "./lib/arguments.mjs";

const { values, positionals } = readArguments({
  allowPositionals: true,
  options: {
    train: { type: "string", default: "1200" },
    test: { type: "string", default: "400" },
    seed: { type: "string", default: "0" },
  },
});
const [folder] = positionals;
const seed = Number(values.seed);
if (folder === undefined || positionals.length > 1 || !Number.isSafeInteger(seed)) {
  console.error("mosaics: expected one folder to write to, and a whole number as --seed");
  process.exit(2);
}

/** Side of a picture and of the square of four. */
const [SIDE, SQUARE] = [28, 56];

for (const split of /** @type {const} */ (["train", "test"])) {
  const count = Number(values[split]);
  const source = await fashionMnist({ split });
  const images = join(folder, split);
  const annotations = join(folder, `${split}-voc`);
  for (const path of [images, annotations]) mkdirSync(path, { recursive: true });
  const samples = [];
  for (let i = 0; i < count; i++) {
    samples.push(await mosaic(source, join(images, `${String(i).padStart(5, "0")}.png`), i, split));
  }
  writeAnnotations(join(folder, split), annotations, source.classes, samples);
  console.log(`${images}: ${count} images`);
}

/** Writes one, of up to four kinds of clothing; each kind is in about 30 of 100 images. */
async function mosaic(source, path, index, split) {
  const rng = randomStream(seed, "mosaics", split, index);
  const pixels = new Uint8Array(SQUARE * SQUARE);
  const shown = [];
  for (let quarter = 0; quarter < 4; quarter++) {
    const at = rng.integer(0, source.length);
    const { data } = await source.image(at);
    const [top, left] = [SIDE * (quarter >> 1), SIDE * (quarter & 1)];
    for (let y = 0; y < SIDE; y++) {
      pixels.set(data.subarray(y * SIDE, (y + 1) * SIDE), (top + y) * SQUARE + left);
    }
    shown.push({ label: source.labels[at], left, top });
  }
  await sharp(pixels, { raw: { width: SQUARE, height: SQUARE, channels: 1 } })
    .png()
    .toFile(path);
  return { file: path.split(/[\\/]/).at(-1), shown };
}

function writeAnnotations(base, voc, classes, samples) {
  const names = ({ shown }) => [...new Set(shown.map(({ label }) => classes[label]))].sort();
  const rows = samples.map((sample) => `${sample.file},${names(sample).join("|")}\n`);
  writeFileSync(`${base}.csv`, `file,labels\n${rows.join("")}`);
  const byFile = Object.fromEntries(samples.map((sample) => [sample.file, names(sample)]));
  writeFileSync(`${base}.json`, `${JSON.stringify(byFile, null, 1)}\n`);
  const coco = {
    images: samples.map(({ file }, id) => ({ id, file_name: file, width: SQUARE, height: SQUARE })),
    categories: classes.map((name, i) => ({ id: i + 1, name })),
    annotations: samples.flatMap(({ shown }, image_id) =>
      shown.map(({ label, left, top }, at) => ({
        id: 4 * image_id + at,
        image_id,
        category_id: label + 1,
        bbox: [left, top, SIDE, SIDE],
      })),
    ),
  };
  writeFileSync(`${base}-coco.json`, `${JSON.stringify(coco)}\n`);
  for (const { file, shown } of samples) {
    const objects = shown.map(
      ({ label, left, top }) =>
        `<object><name>${classes[label]}</name><difficult>0</difficult><bndbox><xmin>${left + 1}</xmin><ymin>${top + 1}</ymin><xmax>${left + SIDE}</xmax><ymax>${top + SIDE}</ymax></bndbox></object>`,
    );
    const xml = `<annotation><filename>${file}</filename>${objects.join("")}</annotation>\n`;
    writeFileSync(join(voc, file.replace(/\.png$/, ".xml")), xml);
  }
}
