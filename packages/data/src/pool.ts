import { existsSync } from "node:fs";
import { SitError } from "@sitjs/core/errors";
import type { BatchTask, MadeBatch } from "./batch-task.js";
import { sampleName } from "./sample-name.js";
import type { WorkerStart } from "./worker-protocol.js";
import { type Job, type Loss, startThread, type WorkerThread } from "./worker-thread.js";

/** Threads that make batches. */
export interface BatchPool {
  /** Whether threads cannot be kept running: no batch is made any more. */
  readonly failed: boolean;
  /**
   * Has a batch made by the thread with the least to do. A thread that dies, or hangs, is replaced and what it had to do
   * done again; rejects with a `SitError` where the same batch costs a second thread, and with the thread's own.
   */
  make(task: BatchTask): Promise<MadeBatch>;
  /** Ends all threads; resolves when they are gone, or given up. Batches still being made are given up. */
  close(): Promise<void>;
}

export interface PoolOptions extends Omit<WorkerStart, "stop" | "progress"> {
  readonly workers: number;
  /** The worker's script, where a bundler has put it elsewhere than beside this one. */
  readonly workerUrl: URL | undefined;
  /** Seconds in which a thread has to begin another sample; 0: for ever. */
  readonly workerTimeout: number;
  /** Milliseconds that a thread may take to come to its end by itself before it is ended by force; default 10,000. */
  readonly patience?: number;
  /** Limit of a thread's V8 heap, megabytes; default 2048. */
  readonly heapLimit?: number;
}

/** Silence is looked for so many times in the time that it is allowed: a main thread that is busy itself counts once. */
const LOOKS = 10;

/** Starts the threads. They keep the process alive only while a batch is being made. */
export function createPool(options: PoolOptions): BatchPool {
  const { workers, workerUrl, workerTimeout, patience = 10_000, heapLimit = 2048, ...recipe } = options;
  const stop = new SharedArrayBuffer(4);
  const script = workerScript(workerUrl);
  const threads: WorkerThread[] = [];
  /** Threads that are not gone, also those that have been replaced. */
  const alive = new Set<WorkerThread>();
  /** Threads lost since a batch was last made. */
  let lossesInRow = 0;
  let failure: SitError | undefined;
  let closing: Promise<void> | undefined;
  let nextId = 0;

  const start = (): WorkerThread => {
    const onAnswer = () => {
      lossesInRow = 0;
    };
    const thread = startThread({ ...recipe, stop, script, heapLimit, onAnswer, onLoss: replace });
    alive.add(thread);
    void thread.gone.then(() => alive.delete(thread));
    return thread;
  };
  const failAll = (error: SitError) => {
    failure ??= error;
    for (const { jobs } of threads) {
      for (const job of jobs.values()) job.reject(failure);
      jobs.clear();
    }
  };
  const replace = (lost: WorkerThread, loss: Loss) => {
    const place = threads.indexOf(lost);
    if (place < 0 || failure !== undefined) return;
    const [first, ...others] = lost.jobs.values();
    const error = first && lossError(loss, first, lost.sample, recipe);
    lost.jobs.clear();
    lossesInRow++;
    try {
      // Each thread may have met the same trouble; beyond that, new threads do not help.
      if (lossesInRow > workers + 2)
        throw error ?? new SitError("aborted", `loader worker: ${loss.what}`, { cause: loss.cause });
      const thread = start();
      threads[place] = thread;
      // With the thread went the memory that it was given.
      const again = (job: Job) => thread.post({ ...job, task: { ...job.task, buffers: undefined } });
      if (first && ++first.losses < 2) again(first);
      else if (first) first.reject(error as SitError);
      for (const job of others) again(job);
    } catch (trouble) {
      for (const job of [first, ...others]) job?.reject(trouble as SitError);
      failAll(trouble as SitError);
    }
  };
  const look = () => {
    for (const thread of [...threads]) {
      thread.quiet = thread.hasMoved() ? 0 : thread.quiet + 1;
      if (thread.quiet <= LOOKS) continue;
      replace(thread, { kind: "silent", what: `was silent for ${workerTimeout} s` });
      thread.terminate();
      thread.giveUp();
    }
  };
  const watch = workerTimeout > 0 ? setInterval(look, (1000 * workerTimeout) / LOOKS).unref() : undefined;

  const closeOnce = async () => {
    clearInterval(watch);
    failAll(new SitError("aborted", "loader: closed"));
    Atomics.store(new Int32Array(stop), 0, 1);
    const allGone = Promise.all([...alive].map(({ gone }) => gone));
    for (const thread of alive) thread.askToEnd();
    if (await settlesWithin(allGone, patience)) return;
    for (const thread of alive) thread.terminate();
    if (await settlesWithin(allGone, patience / 4)) return;
    for (const thread of alive) thread.giveUp();
  };
  const close = () => {
    closing ??= closeOnce();
    return closing;
  };

  try {
    for (let i = 0; i < workers; i++) threads.push(start());
  } catch (error) {
    void close();
    throw error;
  }
  return {
    get failed() {
      return failure !== undefined;
    },
    make(task) {
      if (failure) return Promise.reject(failure);
      const thread = threads.reduce((least, one) => (one.jobs.size < least.jobs.size ? one : least));
      return new Promise((resolve, reject) => {
        thread.post({ id: nextId++, task, losses: 0, resolve, reject });
      });
    },
    close,
  };
}

const MEND: Readonly<Record<Loss["kind"], string>> = {
  memory: "Use fewer workers, workers: 0, smaller batches or less prefetch, or a machine with more memory.",
  silent: "See whether the file's drive answers; workerTimeout says how long to wait.",
  other: "Look at the image and at your own transforms; with workers: 0 they run in the main thread.",
};

function lossError(
  { kind, what, cause }: Loss,
  { task: { indices }, losses }: Job,
  sample: number | undefined,
  { storage, name }: Pick<PoolOptions, "storage" | "name">,
): SitError {
  const nameOf = (index: number) => sampleName(storage, name, index);
  const where =
    sample === undefined
      ? `of ${Array.from(indices.subarray(0, 3), nameOf).join(", ")}${indices.length > 3 ? ", ..." : ""}`
      : `at ${nameOf(sample)}`;
  const again = losses > 0 ? ", the second thread lost" : "";
  const message = `loader worker: ${what}${again} in making a batch of ${indices.length} images, ${where}`;
  return new SitError("aborted", message, { mend: MEND[kind], cause });
}

async function settlesWithin(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, milliseconds, false);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
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
