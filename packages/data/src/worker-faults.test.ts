import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { builtWorker } from "../test/build-worker.js";
import { all, type Fault, faultyViews, noiseImages, within } from "../test/loading.js";
import { photoFolder } from "../test/photos.js";
import { scratchFolder } from "../test/scratch.js";
import { type Batch, type BatchesOptions, batches } from "./index.js";
import { createPool } from "./pool.js";

/** The loader's threads that have not ended, and how many have been started. */
const threads = vi.hoisted(() => ({ live: new Set<Worker>(), started: 0, refuse: false }));
vi.mock("node:worker_threads", async (importOriginal) => {
  const original = await importOriginal<typeof import("node:worker_threads")>();
  class Worker extends original.Worker {
    constructor(...args: ConstructorParameters<typeof original.Worker>) {
      if (threads.refuse) throw new Error("EAGAIN");
      super(...args);
      threads.live.add(this);
      threads.started++;
      this.once("exit", () => threads.live.delete(this));
    }
  }
  return { ...original, Worker };
});

const worker = builtWorker();
const scratch = scratchFolder();
const dataset = noiseImages(24);
let counters = 0;
const counter = () => join(scratch, `counter${counters++}`);

const load = (fault: Pick<Fault, "fault" | "image" | "times">, options: Partial<BatchesOptions> = {}) =>
  batches(dataset, {
    views: faultyViews({ counter: counter(), ...fault }),
    batchSize: 4,
    workers: 2,
    workerUrl: worker.url,
    ...options,
  });
const expected = () => all(load({ fault: "none", image: 0 }, { workers: 0, epochs: 2 }));
const failureOf = async (iterable: AsyncIterable<Batch>) => {
  const given: Batch[] = [];
  try {
    for await (const batch of iterable) given.push(batch);
  } catch (error) {
    return { error, given };
  }
  throw new Error("expected a failure");
};

beforeEach(() => {
  threads.started = 0;
});

describe("a thread that is lost once", () => {
  it.each<[Fault["fault"], Partial<BatchesOptions>]>([
    ["exit", {}],
    ["uncaught", {}],
    ["allocation", {}],
    ["loop", { workerTimeout: 3 }],
    ["exit", { workers: 1, prefetch: 1 }],
    ["exit", { keepWorkers: true }],
  ])("by %s is replaced, and the batches are the same, %j", async (fault, options) => {
    const loader = load({ fault, image: 17 }, { epochs: 2, ...options });
    const list = await within(30, "two epochs", all(loader));
    expect(list).toEqual(await expected());
    expect(threads.started).toBe(loader.workers + 1);
    await loader.close();
    expect(threads.live.size).toBe(0);
  });

  it("by terminate from outside is replaced, busy or not, and memory given back is no matter", async () => {
    const loader = load({ fault: "none", image: 0 }, { epochs: 2 });
    const list = await expected();
    let at = 0;
    for await (const batch of loader) {
      expect(batch).toEqual(list[at++]);
      loader.release(batch);
      // Far enough apart that no batch can lose two threads: of those asked for at 2, three ahead, all have come by 6.
      if (at === 2 || at === 8) for (const one of threads.live) void one.terminate();
    }
    expect(at).toBe(12);
    // Six, if all that were ended were gone when the next were.
    expect(threads.started).toBeGreaterThanOrEqual(4);
    expect(threads.live.size).toBe(0);
  });

  it("while files are being decoded is replaced", async () => {
    const photos = await photoFolder(join(scratch, "photos"), 12);
    const open = (fault: Fault["fault"], workers: number) =>
      batches(photos, {
        views: faultyViews({ fault, image: 15, counter: counter() }), // the first value of 05.png
        batchSize: 4,
        epochs: 2,
        workers,
        workerUrl: worker.url,
      });
    const plain = await all(open("none", 0));
    for (const fault of ["exit", "uncaught"] as const) {
      threads.started = 0;
      expect(await within(30, "two epochs", all(open(fault, 2)))).toEqual(plain);
      expect([threads.started, threads.live.size]).toEqual([3, 0]);
    }
  });

  it("for want of memory for objects is replaced", async () => {
    const start = (times: number) =>
      createPool({
        storage: dataset.storage,
        name: "images",
        seed: 0,
        badImages: "throw",
        views: faultyViews({ fault: "heap", image: 3, times, counter: counter() }),
        workers: 1,
        workerUrl: worker.url,
        workerTimeout: 0,
        heapLimit: 40,
      });
    const task = { epoch: 0, indices: Int32Array.of(2, 3) };
    const once = start(1);
    const made = await within(30, "a batch", once.make(task));
    const plain = start(0);
    expect(made).toEqual(await plain.make(task));
    const twice = start(2);
    await expect(within(30, "an error", twice.make(task))).rejects.toMatchObject({
      code: "aborted",
      message:
        "loader worker: needed more than 40 MB for JavaScript's objects, the second thread lost in making a batch " +
        "of 2 images, at sample 3 of images",
      mend: expect.stringContaining("fewer workers"),
    });
    // That was one batch's trouble: others are still made.
    expect((await twice.make({ epoch: 0, indices: Int32Array.of(2) })).indices).toEqual(Int32Array.of(2));
    await Promise.all([once.close(), plain.close(), twice.close()]);
    expect(threads.live.size).toBe(0);
  });
});

describe("a batch that costs two threads", () => {
  it.each<[Fault["fault"], RegExp, Partial<BatchesOptions>]>([
    [
      "exit",
      /^loader worker: ended by itself with code 3, the second thread lost in making a batch of 4 /,
      {},
    ],
    ["allocation", /^loader worker: got no memory \(.*[Aa]rray buffer allocation failed\), the second/, {}],
    ["loop", /^loader worker: was silent for 3 s, the second thread lost/, { workerTimeout: 3 }],
  ])("by %s ends the iteration, at its turn, and names the image", async (fault, message, options) => {
    const loader = load({ fault, image: 17, times: 99 }, options);
    const plain = (await expected()).slice(0, 6);
    const turn = plain.findIndex(({ indices }) => indices.includes(17));
    const { error, given } = await within(30, "the failure", failureOf(loader));
    expect(error).toMatchObject({
      name: "SitError",
      code: "aborted",
      message: expect.stringMatching(message),
      mend: expect.any(String),
    });
    expect((error as Error).message).toContain("sample 17 of images");
    expect(given).toEqual(plain.slice(0, turn));
    expect(threads.live.size).toBe(0);
    expect(await loader.close()).toBeUndefined();
  });

  it("is told with the samples where the thread dies before the first", async () => {
    const { error } = await within(
      30,
      "the failure",
      failureOf(
        load({ fault: "none", image: 0 }, { workerUrl: new URL("data:text/javascript,process.exit(4)") }),
      ),
    );
    expect((error as Error).message).toMatch(
      /ended by itself with code 4, the second thread lost in making a batch of 4 images, of sample \d+ of images, /,
    );
    expect(threads.live.size).toBe(0);
  });

  it("leaves threads that are kept of use for other batches", async () => {
    const loader = load({ fault: "exit", image: 17, times: 2 }, { keepWorkers: true });
    await within(30, "the failure", failureOf(loader));
    expect(await within(30, "an epoch", all(loader))).toEqual((await expected()).slice(0, 6));
    await loader.close();
    expect(threads.live.size).toBe(0);
  });
});

describe("other ends", () => {
  it("a transform's own error is told at once, and no thread replaced", async () => {
    const { error } = await within(30, "the failure", failureOf(load({ fault: "throw", image: 17 })));
    expect(error).toMatchObject({ message: "sample 17 of images: a bad transform" });
    expect([threads.started, threads.live.size]).toEqual([2, 0]);
  });

  it("where the system gives no threads, it is told so", async () => {
    threads.refuse = true;
    const { error } = await failureOf(load({ fault: "none", image: 0 })).finally(() => {
      threads.refuse = false;
    });
    expect(error).toMatchObject({
      code: "aborted",
      message: "loader worker: cannot be started (EAGAIN)",
      mend: expect.stringContaining("workers: 0"),
    });
  });

  it("where it gives no new thread for a lost one, it is told so, and kept threads are dropped", async () => {
    const loader = load({ fault: "exit", image: 17, times: 99 }, { keepWorkers: true });
    const iterator = loader.range(0, 6);
    await iterator.next();
    threads.refuse = true;
    const rest = await within(30, "the failure", failureOf(iterator)).finally(() => {
      threads.refuse = false;
    });
    expect(rest.error).toMatchObject({ message: "loader worker: cannot be started (EAGAIN)" });
    expect(threads.live.size).toBe(0);
  });

  it("threads that die one after the other are not started for ever", async () => {
    const script = "import { parentPort } from 'node:worker_threads'; setTimeout(() => process.exit(5), 5)";
    const pool = createPool({
      storage: dataset.storage,
      name: "images",
      seed: 0,
      badImages: "throw",
      views: faultyViews({ fault: "none", image: 0, counter: counter() }),
      workers: 2,
      workerUrl: new URL(`data:text/javascript,${encodeURIComponent(script)}`),
      workerTimeout: 0,
    });
    const task = (index: number) => ({ epoch: 0, indices: Int32Array.of(index) });
    const results = await within(
      30,
      "20 failures",
      Promise.allSettled(Array.from({ length: 20 }, (_, i) => pool.make(task(i)))),
    );
    expect(results.map(({ status }) => status)).toEqual(Array(20).fill("rejected"));
    expect(pool.failed).toBe(true);
    await expect(pool.make(task(0))).rejects.toMatchObject({
      code: "aborted",
      message: /ended by itself with code 5/,
    });
    // Two at first, and one more for each of the four losses that are let pass.
    expect(threads.started).toBe(6);
    await within(30, "the end", pool.close());
    expect(threads.live.size).toBe(0);
  });
});
