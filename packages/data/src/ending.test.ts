import { execFile, execFileSync } from "node:child_process";
import { closeSync, constants, existsSync, openSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { buildProgram, builtWorker } from "../test/build-worker.js";
import { all, type Fault, faultyViews, noiseImages, within } from "../test/loading.js";
import { scratchFolder } from "../test/scratch.js";
import { type Batch, type BatchesOptions, batches } from "./index.js";
import { createPool } from "./pool.js";

/** The loader's threads that have not ended. */
const threads = vi.hoisted(() => ({ live: 0 }));
vi.mock("node:worker_threads", async (importOriginal) => {
  const original = await importOriginal<typeof import("node:worker_threads")>();
  class Worker extends original.Worker {
    constructor(...args: ConstructorParameters<typeof original.Worker>) {
      super(...args);
      threads.live++;
      this.once("exit", () => threads.live--);
    }
  }
  return { ...original, Worker };
});

const worker = builtWorker();
const scratch = scratchFolder();
const dataset = noiseImages(24);
const recipe = { storage: dataset.storage, name: "images", seed: 0, badImages: "throw" } as const;
let counters = 0;

/** Threads that take most of a second for every image of the first batches. */
const load = (fault: Fault["fault"], options: Partial<BatchesOptions> = {}) =>
  batches(dataset, {
    views: faultyViews({ fault, image: 17, times: 99, counter: join(scratch, `counter${counters++}`) }),
    batchSize: 24,
    epochs: 5,
    workers: 1,
    workerUrl: worker.url,
    ...options,
  });
const DONE = { done: true, value: undefined };

describe("return", () => {
  it("does not wait for the batch that is being made", async () => {
    const iterator = load("sleep", { workers: 2 }).range(0, 5);
    const pending = iterator.next();
    const also = iterator.next();
    const order: string[] = [];
    const returned = iterator.return?.().then((result) => {
      order.push("return");
      return result;
    });
    expect(
      await within(
        20,
        "the end of next",
        pending.finally(() => order.push("next")),
      ),
    ).toEqual(DONE);
    expect(await within(20, "the end of the other next", also)).toEqual(DONE);
    expect(await within(20, "return", returned as Promise<unknown>)).toEqual(DONE);
    expect(order).toEqual(["next", "return"]);
    expect(threads.live).toBe(0);
    expect(await iterator.next()).toEqual(DONE);
    expect(await iterator.return?.()).toEqual(DONE);
  });

  it("before the first step starts nothing", async () => {
    const iterator = load("none").range(0, 5);
    expect(await iterator.return?.()).toEqual(DONE);
    expect(await iterator.next()).toEqual(DONE);
    expect(threads.live).toBe(0);
  });

  it.each([0, 2])("answers of next asked for at once come in order, %i workers", async (workers) => {
    const iterator = load("none", { workers }).range(0, 3);
    const results = await Promise.all([1, 2, 3, 4, 5].map(() => iterator.next()));
    expect(results.map(({ done, value }) => (done ? "done" : value.step))).toEqual([0, 1, 2, "done", "done"]);
    expect(threads.live).toBe(0);
  });
});

describe("abort", () => {
  const reason = new Error("told to stop");

  it.each([
    [2, true],
    [2, false],
    [0, false],
  ])("rejects a waiting next at once with its reason, %i workers, kept %s", async (workers, keepWorkers) => {
    const counter = join(scratch, `counter${counters}`);
    const loader = load("sleep", { workers, keepWorkers });
    const controller = new AbortController();
    const iterator = loader.range(0, 5, { signal: controller.signal });
    const pending = iterator.next();
    pending.catch(() => undefined);
    // Until a thread is at the image that takes its time.
    if (workers > 0) await vi.waitUntil(() => existsSync(counter), { timeout: 20_000 });
    const before = threads.live;
    controller.abort(reason);
    await expect(within(20, "the rejection", pending)).rejects.toBe(reason);
    // The threads were busy, and are given the time that their image takes.
    expect(threads.live).toBe(before);
    expect(await iterator.next()).toEqual(DONE);
    await within(20, "the threads' end", loader.close());
    expect(threads.live).toBe(0);
  });

  it.each([0, 2])("between two batches rejects the next one, %i workers", async (workers) => {
    const loader = load("none", { workers });
    const controller = new AbortController();
    const seen: number[] = [];
    const failing = async () => {
      for await (const { step } of loader.range(0, 5, { signal: controller.signal })) {
        seen.push(step);
        if (step === 1) controller.abort(reason);
      }
    };
    await expect(within(20, "the rejection", failing())).rejects.toBe(reason);
    expect(seen).toEqual([0, 1]);
    await loader.close();
    expect(threads.live).toBe(0);
  });

  it("before the beginning starts no thread, and after the end does nothing", async () => {
    const loader = load("none");
    const early = loader.range(0, 5, { signal: AbortSignal.abort(reason) });
    await expect(early.next()).rejects.toBe(reason);
    expect(threads.live).toBe(0);
    expect(await early.next()).toEqual(DONE);
    const controller = new AbortController();
    const removed = vi.spyOn(controller.signal, "removeEventListener");
    const late = loader.range(0, 2, { signal: controller.signal });
    expect(await all(late as AsyncIterable<Batch>)).toHaveLength(2);
    expect(removed).toHaveBeenCalled();
    controller.abort(reason);
    expect(await late.next()).toEqual(DONE);
  });
});

describe("a thread that does not end by itself", () => {
  it("is ended by force after a while", async () => {
    const pool = createPool({
      ...recipe,
      views: faultyViews({ fault: "loop", image: 17, counter: join(scratch, `counter${counters++}`) }),
      workers: 1,
      workerUrl: worker.url,
      workerTimeout: 0,
      patience: 2000,
    });
    const made = pool.make({ epoch: 0, indices: Int32Array.of(16, 17) });
    made.catch(() => undefined);
    await within(20, "close", pool.close());
    await expect(made).rejects.toMatchObject({ code: "aborted", message: "loader: closed" });
    expect(threads.live).toBe(0);
  });

  describe.skipIf(process.platform === "win32")("because the system does not answer", () => {
    /** A pipe beside the counter, which the threads open and wait for. */
    const makePipe = () => {
      const counter = join(scratch, `counter${counters++}`);
      const pipe = `${counter}.pipe`;
      execFileSync("mkfifo", [pipe]);
      // A writer who writes nothing lets all go on who wait.
      return { counter, release: () => closeSync(openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK)) };
    };

    it("is given up, with the name of the image", async () => {
      const { counter, release } = makePipe();
      const guards = process.listenerCount("exit");
      const pool = createPool({
        ...recipe,
        views: faultyViews({ fault: "pipe", image: 17, times: 2, counter }),
        workers: 1,
        workerUrl: worker.url,
        workerTimeout: 3,
        patience: 2000,
      });
      try {
        const made = pool.make({ epoch: 0, indices: Int32Array.of(16, 17) });
        await expect(within(20, "the failure", made)).rejects.toMatchObject({
          code: "aborted",
          message:
            "loader worker: was silent for 3 s, the second thread lost in making a batch of 2 images, " +
            "at sample 17 of images",
          mend: expect.stringContaining("drive"),
        });
        await within(20, "close", pool.close());
        expect(threads.live).toBe(2);
        expect(process.listenerCount("exit")).toBe(guards + 1);
      } finally {
        release();
      }
      await vi.waitUntil(() => threads.live === 0, { timeout: 20_000 });
      expect(process.listenerCount("exit")).toBe(guards);
    });

    it("keeps no program from its end", async () => {
      const program = await buildProgram(worker.url, "stuck-program.ts");
      const { counter, release } = makePipe();
      const transform = new URL("../test/faulty-transform.mjs", import.meta.url).href;
      try {
        const args = [program, transform, counter];
        const { code, stdout } = await new Promise<{ code: unknown; stdout: string }>((resolve) => {
          execFile(process.execPath, args, { timeout: 30_000, killSignal: "SIGABRT" }, (error, output) =>
            resolve({ code: error?.signal, stdout: output }),
          );
        });
        expect(stdout).toMatch(/^aborted: loader worker: was silent for 3 s.* sample 2 of images\nclosed\n$/);
        expect(code).toBe("SIGKILL");
      } finally {
        // Nobody waits any more where all went well.
        expect(release).toThrow(/ENXIO/);
      }
    });
  });
});
