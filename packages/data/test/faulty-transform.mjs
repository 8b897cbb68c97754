/**
 * A transform that goes wrong at one image, the first `times` times it meets it, in a worker only. Images are told apart by
 * their first value. A file that grows by a byte counts, because threads forget.
 */
import { appendFileSync, closeSync, existsSync, openSync, statSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

const faults = {
  none: () => undefined,
  exit: () => process.exit(3),
  throw() {
    throw new Error("a bad transform");
  },
  // Thrown by nobody's promise: it ends the thread while the batch is awaited.
  uncaught() {
    process.nextTick(() => {
      throw new Error("out of order");
    });
  },
  // A pipe without a writer, in the place of a file on a drive that does not answer.
  pipe: (counter) => closeSync(openSync(`${counter}.pipe`)),
  loop() {
    for (;;);
  },
  sleep() {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 800);
  },
  heap() {
    for (const list = []; ; ) list.push(new Array(1000).fill(0.5));
  },
  allocation: () => new ArrayBuffer(2 ** 52),
};

export default ({ fault, image: wanted, times = 1, counter }) => ({
  name: "faulty",
  apply(image) {
    if (!isMainThread && image.data[0] === wanted) {
      const before = existsSync(counter) ? statSync(counter).size : 0;
      if (before < times) {
        appendFileSync(counter, ".");
        faults[fault](counter);
      }
    }
    return image;
  },
});
