import { availableParallelism } from "node:os";
import { createViews, type Transform, type TransformSpec, type ViewSpec } from "@sitjs/augment";
import { requireOption, SitError } from "@sitjs/core/errors";
import type { ImageDataset } from "./dataset.js";
import { type BatchTask, makeBatch } from "./make-batch.js";
import { type BatchPool, createPool } from "./pool.js";
import { epochOrder, stepsIn } from "./sampler.js";
import { requireSeed } from "./subset.js";

export interface BatchesOptions {
  /** What to make of each image, for example `sitViews({ size: 224 })` or `evalView({ size: 224 })`. */
  readonly views: readonly ViewSpec<TransformSpec | Transform>[];
  readonly batchSize: number;
  /** Seed of order and augmentation; default 0. */
  readonly seed?: number;
  /** A new order in each epoch (default), or the dataset's own. */
  readonly shuffle?: boolean;
  /** Leave out the last batch of an epoch where it is smaller; default: as `shuffle`. */
  readonly dropLast?: boolean;
  /** How many epochs iterating over the loader itself gives; default 1. `range` goes as far as it is told. */
  readonly epochs?: number;
  /** Threads beside the main one; 0: all in the main thread. Default: cores - 1, at least 1, at most 4. */
  readonly workers?: number;
  /** How many batches are made ahead at most; default: one more than there are workers. */
  readonly prefetch?: number;
  /** Give the labels with each batch; default: where the dataset has them. */
  readonly labels?: boolean;
  /** Keep the threads from one iteration to the next; then `close` ends them. Default: each iteration its own. */
  readonly keepWorkers?: boolean;
  /** Address of the package's `dist/worker.js`, where a bundler has moved it. */
  readonly workerUrl?: URL;
}

/** One view of a batch. */
export interface BatchView {
  readonly name: string;
  /** Normalised pixels, [batch, height, width, channels]; the consumer's own, until given back by `release`. */
  readonly data: Float32Array<ArrayBuffer>;
  readonly shape: readonly [batch: number, height: number, width: number, channels: number];
}

export interface Batch {
  /** In the order of the `views` option. */
  readonly views: readonly BatchView[];
  /** Which samples of the dataset these are. */
  readonly indices: Int32Array;
  readonly labels: Int32Array | undefined;
  /** From 0. */
  readonly epoch: number;
  /** Over all epochs, from 0. */
  readonly step: number;
}

export interface Batches extends AsyncIterable<Batch> {
  readonly batchSize: number;
  readonly stepsPerEpoch: number;
  readonly workers: number;
  /**
   * Batches of the steps `start` to `end` - 1, counted over all epochs: the same whenever they are asked for, and
   * whatever the number of workers. Step `s` is in epoch floor(s / stepsPerEpoch). `end` may be Infinity.
   */
  range(start: number, end: number): AsyncIterableIterator<Batch>;
  /**
   * Gives a batch's pixels back, for later batches: its arrays are empty afterwards. Optional, and worth it where batches
   * are large: memory that is used again costs neither the system's pages nor garbage collections.
   */
  release(batch: Batch): void;
  /** Ends the threads that `keepWorkers` has kept. */
  close(): Promise<void>;
}

/**
 * Loads a dataset in batches, decoded and augmented in worker threads. Order and augmentation depend on the seed, the
 * epoch and the sample alone. Leaving a `for await` loop, by its end, `break` or an error, ends the threads.
 * @throws SitError "bad-option" at once for bad options; while iterating, what reading an image throws, naming it.
 */
export function batches(dataset: ImageDataset, options: BatchesOptions): Batches {
  const settings = checked(dataset, options);
  const { batchSize, seed, shuffle, stepsPerEpoch, workers, prefetch, epochs, keepWorkers } = settings;
  const recipe = { storage: dataset.storage, seed };
  let kept: BatchPool | undefined;
  let spare: (readonly ArrayBuffer[])[] = [];
  let recentOrder: { epoch: number; order: Uint32Array } | undefined;

  const orderOf = (epoch: number): Uint32Array => {
    if (recentOrder?.epoch !== epoch) {
      recentOrder = { epoch, order: epochOrder(dataset.length, epoch, seed, shuffle) };
    }
    return recentOrder.order;
  };
  const taskOf = (step: number): BatchTask => {
    const epoch = Math.floor(step / stepsPerEpoch);
    const first = (step % stepsPerEpoch) * batchSize;
    const indices = Int32Array.from(orderOf(epoch).subarray(first, first + batchSize));
    return { epoch, indices, buffers: spare.pop() };
  };
  const openPool = (): BatchPool => {
    const views = options.views as readonly ViewSpec[];
    const pool = kept ?? createPool({ ...recipe, views, workers, workerUrl: options.workerUrl });
    if (keepWorkers) kept = pool;
    return pool;
  };

  async function* range(start: number, end: number): AsyncGenerator<Batch, void, undefined> {
    const whole = (step: number) => Number.isSafeInteger(step) && step >= 0;
    requireOption(whole(start), "start", "a whole number of steps, 0 or more", start);
    requireOption(
      (whole(end) && end >= start) || end === Infinity,
      "end",
      `a whole number from ${start} on`,
      end,
    );
    // Here too, so that a bad view is told before any thread is started.
    const views = await createViews(options.views);
    const pool = workers > 0 && start < end ? openPool() : undefined;
    const make = (task: BatchTask) => pool?.make(task) ?? makeBatch(recipe, views, task);
    const depth = pool ? prefetch : 1;
    const ahead: { step: number; task: BatchTask; made: Promise<Float32Array<ArrayBuffer>[]> }[] = [];
    let next = start;
    const fill = () => {
      for (; ahead.length < depth && next < end; next++) {
        const task = taskOf(next);
        const made = make(task);
        // It is looked at when its turn comes; until then a failure must not end the process.
        made.catch(() => undefined);
        ahead.push({ step: next, task, made });
      }
    };
    try {
      fill();
      while (ahead.length > 0) {
        const { step, task, made } = ahead[0] as (typeof ahead)[number];
        const data = await made;
        ahead.shift();
        if (pool) fill();
        yield {
          views: views.map(({ name, height, width, channels }, i) => ({
            name,
            data: data[i] as Float32Array<ArrayBuffer>,
            shape: [task.indices.length, height, width, channels],
          })),
          indices: task.indices,
          labels: settings.labels && Int32Array.from(task.indices, (i) => settings.labels?.[i] as number),
          epoch: task.epoch,
          step,
        };
        fill();
      }
    } finally {
      spare = [];
      if (pool !== undefined && pool !== kept) await pool.close();
    }
  }

  return {
    batchSize,
    stepsPerEpoch,
    workers,
    range,
    release({ views }) {
      const buffers = views.map(({ data }) => data.buffer);
      // Empty: given back before, or moved elsewhere by the consumer.
      if (buffers.some(({ byteLength }) => byteLength === 0)) return;
      // Taken away at once and not when they are used again: whoever still reads them shall not see other pixels.
      spare.push(buffers.map((buffer) => structuredClone(buffer, { transfer: [buffer] })));
    },
    [Symbol.asyncIterator]: () => range(0, epochs * stepsPerEpoch),
    async close() {
      const pool = kept;
      kept = undefined;
      await pool?.close();
    },
  };
}

function checked(dataset: ImageDataset, options: BatchesOptions) {
  const {
    views,
    batchSize,
    seed = 0,
    shuffle = true,
    dropLast = shuffle,
    epochs = 1,
    keepWorkers = false,
  } = options;
  const workers = options.workers ?? Math.max(1, Math.min(4, availableParallelism() - 1));
  const { prefetch = workers + 1, labels = dataset.labels !== undefined } = options;
  const atLeast = (value: number, least: number) => Number.isSafeInteger(value) && value >= least;
  requireOption(atLeast(batchSize, 1), "batchSize", "a positive whole number", batchSize);
  requireOption(atLeast(workers, 0) && workers <= 256, "workers", "a whole number from 0 to 256", workers);
  requireOption(atLeast(prefetch, 1), "prefetch", "a positive whole number", prefetch);
  requireOption(
    atLeast(epochs, 1) || epochs === Infinity,
    "epochs",
    "a positive whole number or Infinity",
    epochs,
  );
  requireOption(Array.isArray(views) && views.length > 0, "views", "a list of at least one view", views);
  requireSeed(seed);
  requireOption(
    !labels || dataset.labels !== undefined,
    "labels",
    `false for ${dataset.name}, which has none`,
    labels,
  );
  const stepsPerEpoch = stepsIn(dataset.length, batchSize, dropLast);
  const enough = `at most ${dataset.length}, the size of ${dataset.name}, where dropLast leaves out smaller batches`;
  requireOption(stepsPerEpoch > 0, "batchSize", enough, batchSize);
  if (workers > 0) requirePlain(views);
  const given = labels ? dataset.labels : undefined;
  return { batchSize, seed, shuffle, epochs, stepsPerEpoch, workers, prefetch, keepWorkers, labels: given };
}

function requirePlain(views: BatchesOptions["views"]): void {
  try {
    structuredClone(views);
  } catch (error) {
    throw new SitError(
      "bad-option",
      "views: expected plain data, which worker threads can take, got functions",
      {
        mend: "Name your transform's module with moduleTransform(), or use workers: 0.",
        cause: error,
      },
    );
  }
}
