// Our side of the loader's benchmark: JSON lines in, JSON lines out; ../peers/loader.py has the same messages.
import { readFileSync } from "node:fs";
import { batches, imageFolder, memoryDataset } from "@sitjs/data";
import { useEngine } from "@sitjs/engine";
import * as tf from "@tensorflow/tfjs";
import { serve } from "./serve.mjs";

/** @type {import("@sitjs/data").Batches} */
let loader;
/** @type {AsyncIterator<import("@sitjs/data").Batch>} */
let loading;
let batchSize = 0;
let workers = 0;

/** @type {Record<string, (message: any) => Promise<object>>} */
const handlers = {
  async hello() {
    const { name, tensorflow } = await useEngine({ prefer: "tfjs-node" });
    return { node: process.versions.node, engine: name, tensorflow };
  },
  /**
   * `data`: `{ kind: "files", folder }`, or `{ kind: "memory", file, size, images }`: the first images of a file of uint8
   * [images, size, size, 3]. Replies with the views of the first batch: `{ shape, mean, square }`, the mean of the values
   * and of their squares.
   */
  async start({ data, views, workers: threads, batch_size }) {
    await loading?.return?.();
    workers = threads;
    const dataset =
      data.kind === "files"
        ? await imageFolder(data.folder, { classes: "none", verify: "none" })
        : memoryDataset({
            pixels: readFileSync(data.file).subarray(0, data.images * data.size ** 2 * 3),
            width: data.size,
            height: data.size,
            channels: 3,
          });
    batchSize = batch_size;
    loader = batches(dataset, { views, batchSize, workers, epochs: Infinity });
    loading = loader[Symbol.asyncIterator]();
    const { value: first } = await loading.next();
    return {
      views: first.views.map(({ shape, data: values }) => ({
        shape,
        mean: mean(values, (value) => value),
        square: mean(values, (value) => value ** 2),
      })),
    };
  },
  async run({ seconds, skip }) {
    for (let i = 0; i < skip; i++) await nextBatch();
    const begin = performance.now();
    let count = 0;
    let elapsed = 0;
    while (elapsed < seconds) {
      // One of each worker: they come to their ends at about the same time.
      for (let i = 0; i < workers; i++) await nextBatch();
      count += workers;
      elapsed = (performance.now() - begin) / 1e3;
    }
    return { images: count * batchSize, seconds: elapsed, made: (count + skip) * batchSize };
  },
};

function mean(values, of) {
  let sum = 0;
  for (const value of values) sum += of(value);
  return sum / values.length;
}

/** A batch as the engine's tensors, as a training step gets it. */
async function nextBatch() {
  const { value } = await loading.next();
  for (const { data, shape } of value.views) {
    const images = tf.tensor4d(data, shape);
    // The engine takes the values over with the first operation on them; this one computes next to nothing.
    tf.dispose([tf.slice4d(images, [0, 0, 0, 0], [1, 1, 1, 1]), images]);
  }
  loader.release(value);
}

await serve(handlers);
await loading?.return?.();
process.exit(0);
