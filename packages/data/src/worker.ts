/** What runs in each of the loader's threads: takes batches to make, one after the other, and posts their pixels. */
import { parentPort, workerData } from "node:worker_threads";
import { createViews } from "@sitjs/augment";
import { makeBatch } from "./make-batch.js";
import { readAhead } from "./read-ahead.js";
import { type FromWorker, Progress, postError, type ToWorker, type WorkerStart } from "./worker-protocol.js";

const port = parentPort;
if (port === null) throw new Error("@sitjs/data's worker.js is started by batches(), not by itself");

const { views: specs, stop, progress, ...recipe } = workerData as WorkerStart;
const stopped = new Int32Array(stop);
const progressed = new Int32Array(progress);
const watch = {
  cancelled: () => Atomics.load(stopped, 0) !== 0,
  at(index: number) {
    Atomics.add(progressed, Progress.Count, 1);
    Atomics.store(progressed, Progress.Sample, index);
  },
};
const ready = createViews(specs);
// A bad view is told with the first batch that wants it, as any other error.
ready.catch(() => undefined);

const reader = readAhead(recipe.storage);
let last: Promise<void> = Promise.resolve();
port.on("message", (message: ToWorker) => {
  if (message.kind === "close") {
    // Not process.exit: an image being decoded by native code must come to its end first.
    port.close();
    return;
  }
  // At once, while the batch before is still being made.
  const images = reader.open(message.indices);
  last = last.then(async () => {
    const { id } = message;
    try {
      const made = await makeBatch(recipe, await ready, message, images, watch);
      const done: FromWorker = { id, ...made };
      port.postMessage(
        done,
        made.views.map((view) => view.buffer),
      );
    } catch (error) {
      images.close();
      const failed: FromWorker = { id, error: postError(error) };
      port.postMessage(failed);
    }
    watch.at(-1);
  });
});
