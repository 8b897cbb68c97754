// npm run method-pictures: what the network sees of an image under each method, by the packages themselves, as
// docs/pictures/method-NAME.png for the methods' pages. Run after the build.
import { createViews, dinoViews, sitViews } from "@sitjs/augment";
import { randomStream } from "@sitjs/core/random";
import { useEngine } from "@sitjs/engine";
import {
  centralHole,
  gmml,
  grayscale,
  jigsaw,
  jigsawPermutations,
  maskUnits,
  relativePosition,
  rotateQuarterTurns,
  visiblePatches,
} from "@sitjs/masking";
import * as tf from "@tensorflow/tfjs";
import { exampleImages, imagesOfValues, statistics, valuesOf, writeGrid } from "./lib/pictures.mjs";

const PATCH = 4;
const rng = (...path) => randomStream(0, "method pictures", ...path);

await useEngine({ prefer: "cpu" });
const images = await exampleImages();
const batch = valuesOf(images);
const [count, height, width] = batch.shape;

const corruption = gmml({ noise: { ratio: 0.4 }, replace: { ratio: 0.3 } });
await writePairs("gmml", corruption.corrupt(batch, rng("gmml")).images);
await writePairs("mae", withoutMasked(visibleMask()));
await writePairs(
  "simmim",
  withoutMasked(
    maskUnits({ unitSize: PATCH }).draw({ batch: count, height, width, patchSize: PATCH }, rng("simmim"))
      .pixels,
  ),
);
await writePairs("rotation", rotateQuarterTurns(batch, [1, 2, 3, 0]));
await writePairs("colorization", grayscale(statistics).corrupt(batch, rng("grey")).images);
await writePairs("context-encoder", centralHole().corrupt(batch, rng("hole")).images);
const puzzle = jigsaw(batch, { permutations: jigsawPermutations(24), gap: 2 }, rng("jigsaw"));
await writePairs("jigsaw", sideBySide(puzzle.tiles, 3));
const pair = relativePosition(batch, { patchSize: 8, gap: 1, jitter: 1 }, rng("relative"));
await writePairs("relative-position", sideBySide(pair.tiles, 2));
await writeViews("two-views", sitViews({ size: width, preset: "small", ...statistics }), images.slice(0, 3));
await writeViews(
  "dino",
  dinoViews({ size: width, localSize: 12, localCrops: 4, preset: "small", ...statistics }),
  images.slice(0, 1),
);

/** Pairs of each image and what is made of it [batch, height, width, 3]. */
async function writePairs(name, seen) {
  const made = await imagesOfValues(seen);
  await writeGrid(`method-${name}.png`, [images.flatMap((image, i) => [image, made[i]])]);
}

/** Each image and its views. */
async function writeViews(name, specs, shown) {
  const views = await createViews(specs);
  await writeGrid(`method-${name}.png`, [
    shown.flatMap((image, i) => [image, ...views.map((view) => view.render(image, rng("views", i)))]),
  ]);
}

/** 1 where MAE hides a patch, [batch, height, width, 1]. */
function visibleMask() {
  const [rows, columns] = [height / PATCH, width / PATCH];
  const { mask } = visiblePatches().sample({ batch: count, patches: rows * columns }, rng("mae"));
  const grid = tf.reshape(mask, [count, rows, columns, 1]);
  return tf.image.resizeNearestNeighbor(/** @type {tf.Tensor4D} */ (grid), [height, width]);
}

/** The images with the mean colour, 0 once normalised, where the mask is 1. */
function withoutMasked(mask) {
  return tf.mul(batch, tf.sub(1, mask));
}

/** Tiles [batch, tiles, side, side, 3] in rows of so many, with a white line between them. */
function sideBySide(tiles, columns) {
  const [, tileCount] = tiles.shape;
  const white = statistics.mean.map((mean, i) => (1 - mean) / statistics.deviation[i]);
  const rows = [];
  for (let first = 0; first < tileCount; first += columns) {
    const row = [];
    for (let tile = first; tile < first + columns; tile++) {
      row.push(framed(tf.squeeze(tf.slice(tiles, [0, tile], [-1, 1]), [1])));
    }
    rows.push(tf.concat(row, 2));
  }
  return tf.concat(rows, 1);

  function framed(tile) {
    const padded = tf.pad(tf.sub(tile, tf.tensor1d(white)), [
      [0, 0],
      [1, 1],
      [1, 1],
      [0, 0],
    ]);
    return tf.add(padded, tf.tensor1d(white));
  }
}
