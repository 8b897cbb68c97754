// Where the loader's time goes: processor milliseconds an image in one thread, two SiT views of 224 x 224 from the
// JPEG files of photos.mjs. Build first; then: node benchmarks/stages.mjs [images]
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createTransform, createViews, sitViews } from "@sitjs/augment";
import { randomStream } from "@sitjs/core/random";
import { imageFolder } from "@sitjs/data";
import { useEngine } from "@sitjs/engine";
import * as tf from "@tensorflow/tfjs";
import { median } from "./lib/statistics.mjs";
import { photoFolder } from "./photos.mjs";

const count = Number(process.argv[2] ?? 200);
if (!(Number.isSafeInteger(count) && count > 0)) {
  console.error(`images: expected a positive whole number, got ${process.argv[2]}`);
  process.exit(2);
}
const ROUNDS = 5;
await useEngine({ prefer: "tfjs-node" });
const { folder, names } = await photoFolder();
const dataset = await imageFolder(folder, { classes: "none", verify: "none" });
const indices = Array.from({ length: Math.min(count, names.length) }, (_, i) => i);

/** Milliseconds of each stage, a sum for each round. */
const stages = new Map();
let round = 0;

for (; round < ROUNDS; round++) {
  await processorTime("read", () => eachOf(indices, (i) => readFile(join(folder, names[i]))));
  await processorTime("read and decode", () => eachOf(indices, (i) => dataset.image(i)));
}

const specs = sitViews({ size: 224 });
// Without the flip, which is done while the values are written and costs nothing.
const isFlip = ({ name }) => name === "randomHorizontalFlip";
const timedViews = await createViews(
  await Promise.all(
    specs.map(async (spec) => {
      const transforms = spec.transforms.filter((transform) => !isFlip(transform));
      return { ...spec, transforms: await Promise.all(transforms.map(timed)) };
    }),
  ),
);
const views = await createViews(specs);
// Decoded in groups, so that few are held at a time.
for (round = 0; round < ROUNDS; round++) {
  for (let start = 0; start < indices.length; start += 8) {
    const images = await Promise.all(indices.slice(start, start + 8).map((i) => dataset.image(i)));
    const rngOf = (i) => randomStream(0, "augment", round, start + i);
    const out = within("new batch", () =>
      views.map((view) => new Float32Array(images.length * view.length).fill(0)),
    );
    images.forEach((image, i) => {
      views.forEach((view, v) => {
        within("all of both views", () => view.write(image, rngOf(i), out[v], i * view.length));
      });
    });
    // Once more, with a clock around each transform.
    images.forEach((image, i) => {
      for (const view of timedViews) view.render(image, rngOf(i));
    });
    const moved = within("move to another thread", () =>
      structuredClone(out, { transfer: out.map(({ buffer }) => buffer) }),
    );
    within("engine's tensor", () => {
      for (const values of moved) {
        const tensor = tf.tensor4d(values, [images.length, 224, 224, 3]);
        // The first operation on it hands the values over.
        tf.dispose([tf.slice4d(tensor, [0, 0, 0, 0], [1, 1, 1, 1]), tensor]);
      }
    });
  }
}

console.log(`${indices.length} images, median of ${ROUNDS} rounds, ms an image`);
for (const [name, rounds] of stages) {
  const times = rounds.map((time) => time / indices.length);
  const [least, most] = [Math.min(...times), Math.max(...times)].map((time) => time.toFixed(3));
  console.log(`${name.padEnd(26)} ${median(times).toFixed(3)} (${least} to ${most})`);
}

function add(name, milliseconds) {
  if (!stages.has(name)) stages.set(name, Array(ROUNDS).fill(0));
  stages.get(name)[round] += milliseconds;
}

/** The clock's time of something that computes in this thread. */
function within(name, work) {
  const begin = performance.now();
  const result = work();
  add(name, performance.now() - begin);
  return result;
}

/** The processor time of all threads: decoding has its own. */
async function processorTime(name, work) {
  const begin = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(begin);
  add(`${name} (all threads)`, (user + system) / 1e3);
}

async function eachOf(items, work) {
  for (const item of items) await work(item);
}

/** A transform with a clock around it. */
async function timed(spec) {
  const { name, apply } = await createTransform(spec);
  return {
    name,
    apply: (image, rng) => within(`  ${name}`, () => apply(image, rng)),
  };
}
