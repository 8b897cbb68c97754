import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { SitError } from "@sitjs/core/errors";
import type { BatchTask } from "./make-batch.js";
import { type FromWorker, receiveError, type ToWorker, type WorkerStart } from "./worker-protocol.js";

/** Threads that make batches. */
export interface BatchPool {
  /** Has a batch made by the thread with the least to do. Rejects with the thread's `SitError`. */
  make(task: BatchTask): Promise<Float32Array<ArrayBuffer>[]>;
  /** Ends all threads; resolves when they are gone. Batches still being made are given up. */
  close(): Promise<void>;
}

export interface PoolOptions extends Omit<WorkerStart, "stop"> {
  readonly workers: number;
  /** The worker's script, where a bundler has put it elsewhere than beside this one. */
  readonly workerUrl: URL | undefined;
}

interface Thread {
  readonly worker: Worker;
  readonly waiting: Map<
    number,
    { resolve(views: Float32Array<ArrayBuffer>[]): void; reject(error: SitError): void }
  >;
  readonly gone: Promise<void>;
}

/** How long a thread may take to come to its end by itself before it is ended by force. */
const patience = 10_000;

/**
 * Megabytes for new objects in a thread. Nearly all of them are pixels, which lie elsewhere and are dropped at once; with
 * V8's default a thread takes some 25 MB more and is no faster.
 */
const youngGeneration = 4;

/** Starts the threads. They keep the process alive only while a batch is being made. */
export function createPool({ workers, workerUrl, ...start }: PoolOptions): BatchPool {
  const stop = new SharedArrayBuffer(4);
  const script = workerScript(workerUrl);
  let failure: SitError | undefined;
  let nextId = 0;

  const startThread = (): Thread => {
    const workerData: WorkerStart = { ...start, stop };
    // Options of the main thread, such as another module loader or an inspector, are not the worker's.
    const worker = new Worker(script, {
      workerData,
      execArgv: [],
      name: "sitjs-data",
      resourceLimits: { maxYoungGenerationSizeMb: youngGeneration },
    });
    worker.unref();
    const waiting: Thread["waiting"] = new Map();
    const fail = (message: string, cause?: unknown) => {
      failure ??= new SitError("aborted", message, { cause });
      for (const { reject } of waiting.values()) reject(failure);
      waiting.clear();
    };
    worker.on("message", (message: FromWorker) => {
      const batch = waiting.get(message.id);
      waiting.delete(message.id);
      if (waiting.size === 0) worker.unref();
      if ("error" in message) batch?.reject(receiveError(message.error));
      else batch?.resolve(message.views);
    });
    worker.on("error", (error) => fail(`loader worker: failed (${error.message})`, error));
    const gone = new Promise<void>((resolve) => {
      worker.on("exit", (code) => {
        fail(`loader worker: ended with code ${code} before its batches were made`);
        resolve();
      });
    });
    return { worker, waiting, gone };
  };
  const threads = Array.from({ length: workers }, startThread);

  return {
    make(task) {
      if (failure) return Promise.reject(failure);
      const [first, ...others] = threads as [Thread, ...Thread[]];
      const thread = others.reduce(
        (least, one) => (one.waiting.size < least.waiting.size ? one : least),
        first,
      );
      return new Promise((resolve, reject) => {
        const id = nextId++;
        thread.waiting.set(id, { resolve, reject });
        thread.worker.ref();
        const message: ToWorker = { kind: "batch", id, ...task };
        thread.worker.postMessage(message, task.buffers ?? []);
      });
    },
    async close() {
      failure ??= new SitError("aborted", "loader: closed");
      Atomics.store(new Int32Array(stop), 0, 1);
      const message: ToWorker = { kind: "close" };
      for (const { worker } of threads) {
        // Without this a program that waits for `close` and nothing else would end before its answer.
        worker.ref();
        worker.postMessage(message);
      }
      const force = setTimeout(() => {
        for (const { worker } of threads) void worker.terminate();
      }, patience);
      await Promise.all(threads.map(({ gone }) => gone));
      clearTimeout(force);
    },
  };
}

/** The built worker: beside this file in a build, in `dist` where this file is the source. */
function workerScript(given: URL | undefined): URL {
  const candidates = given
    ? [given]
    : [new URL("./worker.js", import.meta.url), new URL("../dist/worker.js", import.meta.url)];
  const script = candidates.find((url) => url.protocol !== "file:" || existsSync(url));
  if (script !== undefined) return script;
  throw new SitError(
    "missing-file",
    `loader worker: expected its script at ${candidates[0]?.href}, got nothing there`,
    {
      mend: "Build @sitjs/data, copy its dist/worker.js beside the bundle, name it in `workerUrl`, or use workers: 0.",
    },
  );
}
