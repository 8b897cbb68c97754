import { Worker } from "node:worker_threads";
import { SitError } from "@sitjs/core/errors";
import type { BatchTask, MadeBatch } from "./batch-task.js";
import { reason } from "./decode.js";
import { leaveBehind } from "./stuck-threads.js";
import {
  type FromWorker,
  Progress,
  receiveError,
  type ToWorker,
  type WorkerStart,
} from "./worker-protocol.js";

/** A batch that somebody waits for. */
export interface Job {
  readonly id: number;
  readonly task: BatchTask;
  /** How many threads were lost while making it. */
  losses: number;
  resolve(batch: MadeBatch): void;
  reject(error: SitError): void;
}

/** Why a thread was lost. */
export interface Loss {
  readonly kind: "memory" | "silent" | "other";
  /** What it did, after "loader worker: ". */
  readonly what: string;
  readonly cause?: unknown;
}

export interface WorkerThread {
  /** What it has been given and has not answered, the oldest first: that one is being made. */
  readonly jobs: Map<number, Job>;
  /** Resolves when the thread is gone. */
  readonly gone: Promise<void>;
  /** The sample that it waits for, where it is at one. */
  readonly sample: number | undefined;
  /** How many times in a row `hasMoved` has said no. */
  quiet: number;
  /** Whether it has begun a sample since the last call, or has nothing to do. */
  hasMoved(): boolean;
  post(job: Job): void;
  /** Asks it to end as soon as no image is being decoded; the process stays alive until then. */
  askToEnd(): void;
  /** Ends it by force, as soon as the system lets it; the process does not stay alive for it. */
  terminate(): void;
  /** Gives it up where that does not help: see `leaveBehind`. */
  giveUp(): void;
}

export interface WorkerThreadOptions extends Omit<WorkerStart, "progress"> {
  readonly script: URL;
  /** Limit of V8's heap, megabytes. Pixels lie elsewhere. */
  readonly heapLimit: number;
  /** Told of each answer, before it is passed on. */
  onAnswer(): void;
  /** Told that the thread is of no more use. */
  onLoss(thread: WorkerThread, loss: Loss): void;
}

/**
 * Megabytes for new objects in a thread. Nearly all of them are pixels, which lie elsewhere and are dropped at once; with
 * V8's default a thread takes some 25 MB more and is no faster.
 */
const YOUNG_GENERATION = 4;

/**
 * Starts one thread. It keeps the process alive only while it has something to do.
 * @throws SitError "aborted" where the system gives no thread
 */
export function startThread(options: WorkerThreadOptions): WorkerThread {
  const { script, heapLimit, onAnswer, onLoss, ...start } = options;
  const progress = new Int32Array(new SharedArrayBuffer(8));
  progress[Progress.Sample] = -1;
  const worker = openWorker(script, { ...start, progress: progress.buffer }, heapLimit);
  worker.unref();
  const jobs: WorkerThread["jobs"] = new Map();
  let failure: Error | undefined;
  let ended = false;
  let seen = 0;

  worker.on("message", (message: FromWorker) => {
    const job = jobs.get(message.id);
    if (job === undefined) return; // given to another thread meanwhile
    if ("error" in message && message.error.outOfMemory) {
      onLoss(thread, { kind: "memory", what: `got no memory (${message.error.message})` });
      thread.terminate();
      return;
    }
    jobs.delete(message.id);
    if (jobs.size === 0) worker.unref();
    onAnswer();
    if ("error" in message) job.reject(receiveError(message.error));
    else job.resolve(message);
  });
  worker.on("messageerror", (error) => {
    onLoss(thread, {
      kind: "other",
      what: `gave an answer that cannot be read (${reason(error)})`,
      cause: error,
    });
    thread.terminate();
  });
  worker.on("error", (error: Error) => {
    failure = error;
  });
  const gone = new Promise<void>((resolve) => {
    // Its last messages have come by now, which is not so at "error".
    worker.on("exit", (code) => {
      ended = true;
      resolve();
      onLoss(thread, lossAtExit(code, failure, heapLimit));
    });
  });

  const thread: WorkerThread = {
    jobs,
    gone,
    quiet: 0,
    get sample() {
      const sample = Atomics.load(progress, Progress.Sample);
      return sample < 0 ? undefined : sample;
    },
    hasMoved() {
      const before = seen;
      seen = Atomics.load(progress, Progress.Count);
      return seen !== before || jobs.size === 0;
    },
    post(job) {
      jobs.set(job.id, job);
      worker.ref();
      const message: ToWorker = { kind: "batch", id: job.id, ...job.task };
      worker.postMessage(message, job.task.buffers ?? []);
    },
    askToEnd() {
      // Without this a program that waits for the end and nothing else would end before the thread does.
      worker.ref();
      const message: ToWorker = { kind: "close" };
      worker.postMessage(message);
    },
    terminate() {
      void worker.terminate();
      worker.unref();
    },
    giveUp() {
      if (!ended) leaveBehind(worker);
    },
  };
  return thread;
}

function openWorker(script: URL, workerData: WorkerStart, heapLimit: number): Worker {
  try {
    // Options of the main thread, such as another module loader or an inspector, are not the worker's.
    return new Worker(script, {
      workerData,
      execArgv: [],
      name: "sitjs-data",
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION, maxOldGenerationSizeMb: heapLimit },
    });
  } catch (error) {
    throw new SitError("aborted", `loader worker: cannot be started (${reason(error)})`, {
      mend: "Use fewer workers, or workers: 0.",
      cause: error,
    });
  }
}

function lossAtExit(code: number, failure: Error | undefined, heapLimit: number): Loss {
  if (failure === undefined) return { kind: "other", what: `ended by itself with code ${code}` };
  if ((failure as NodeJS.ErrnoException).code === "ERR_WORKER_OUT_OF_MEMORY") {
    return {
      kind: "memory",
      what: `needed more than ${heapLimit} MB for JavaScript's objects`,
      cause: failure,
    };
  }
  return { kind: "other", what: `failed (${reason(failure)})`, cause: failure };
}
