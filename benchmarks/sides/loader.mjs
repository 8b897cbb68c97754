// Our side of the loader's benchmark: JSON lines in, JSON lines out; ../peers/loader.py has the same messages.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { batches, imageFolder, memoryDataset } from "@sitjs/data";
import { useEngine } from "@sitjs/engine";
import * as tf from "@tensorflow/tfjs";

/** @type {AsyncIterator<import("@sitjs/data").Batch>} */
let loading;
let batchSize = 0;

/** @type {Record<string, (message: any) => Promise<object>>} */
const handlers = {
  async hello() {
    const { name, tensorflow } = await useEngine({ prefer: "tfjs-node" });
    return { node: process.versions.node, engine: name, tensorflow };
  },
  /** `data`: `{ kind: "files", folder }` or `{ kind: "memory", file, size }`, a file of uint8 [images, size, size, 3]. */
  async start({ data, views, workers, batch_size }) {
    await loading?.return?.();
    const dataset =
      data.kind === "files"
        ? await imageFolder(data.folder, { classes: "none", verify: "none" })
        : memoryDataset({
            pixels: readFileSync(data.file),
            width: data.size,
            height: data.size,
            channels: 3,
          });
    batchSize = batch_size;
    loading = batches(dataset, { views, batchSize, workers, epochs: Infinity })[Symbol.asyncIterator]();
    const { value: first } = await loading.next();
    return { shapes: first.views.map(({ shape }) => shape) };
  },
  async run({ seconds, skip }) {
    for (let i = 0; i < skip; i++) await nextBatch();
    const begin = performance.now();
    let count = 0;
    let elapsed = 0;
    while (elapsed < seconds) {
      await nextBatch();
      count++;
      elapsed = (performance.now() - begin) / 1e3;
    }
    return { images: count * batchSize, seconds: elapsed, made: (count + skip) * batchSize };
  },
};

/** A batch as the engine's tensors, as a training step gets it. */
async function nextBatch() {
  const { value } = await loading.next();
  for (const { data, shape } of value.views) {
    const images = tf.tensor4d(data, shape);
    // The engine takes the values over with the first operation on them; this one computes next to nothing.
    tf.dispose([tf.slice4d(images, [0, 0, 0, 0], [1, 1, 1, 1]), images]);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...message } = JSON.parse(line);
  if (name === "quit") break;
  let reply;
  try {
    reply = await handlers[name](message);
  } catch (error) {
    reply = { error: error instanceof Error ? error.message : String(error) };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
await loading?.return?.();
process.exit(0);
