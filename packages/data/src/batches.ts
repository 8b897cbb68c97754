import { createViews, type View, type ViewSpec, viewSettings } from "@sitjs/augment";
import { requireOption } from "@sitjs/core/errors";
import type { BadImage, BatchTask, MadeBatch } from "./batch-task.js";
import { type BatchesOptions, checkedOptions } from "./batches-options.js";
import { type ImageDataset, requireIndex } from "./dataset.js";
import { lastFingerprint } from "./fingerprint.js";
import { makeBatch } from "./make-batch.js";
import { type BatchPool, createPool } from "./pool.js";
import { problemRecord } from "./problem-record.js";
import { sampleName } from "./sample-name.js";
import { epochOrder } from "./sampler.js";
import { type StepSource, stepIterator } from "./step-iterator.js";
import { pickTargets } from "./targets.js";

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
  /** Which samples of the dataset these are; with `badImages: "replace"` those really taken. */
  readonly indices: Int32Array;
  readonly labels: Int32Array | undefined;
  /** Of a dataset with targets, [batch, classes]: 1, 0 or `notCounted`. */
  readonly targets: Uint8Array | undefined;
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
   * whatever the number of workers. Step `s` is in epoch floor(s / stepsPerEpoch). `end` may be Infinity. The iterator's
   * `return` does not wait for the batch that is being made, and an abort of `signal` rejects a waiting `next`, else the
   * following one, with the signal's reason, at once; `close` waits for the threads, which end meanwhile.
   */
  range(
    start: number,
    end: number,
    options?: { readonly signal?: AbortSignal | undefined },
  ): AsyncIterableIterator<Batch, undefined>;
  /**
   * What the batches depend on beside `batchSize`, as plain JSON: how many images, their fingerprint, seed, order, views. For
   * records of runs. The size of every file is looked at, unless the dataset's fingerprint has been asked for before.
   */
  settings(): Promise<Readonly<Record<string, unknown>>>;
  /** What a sample is called in messages: the path of its file, or `sample 7 of fashion-mnist`. */
  nameOf(index: number): string;
  /** The images that could not be read, of all iterations so far, by index. */
  readonly problems: readonly BadImage[];
  /**
   * Gives a batch's pixels back, for later batches: its arrays are empty afterwards. Optional, and worth it where batches
   * are large: memory that is used again costs neither the system's pages nor garbage collections.
   */
  release(batch: Batch): void;
  /** Ends the threads that `keepWorkers` has kept; resolves when they, and those of ended iterations, are gone. */
  close(): Promise<void>;
}

/**
 * Loads a dataset in batches, decoded and augmented in worker threads. Order and augmentation depend on the seed, the
 * epoch and the sample alone. Leaving a `for await` loop, by its end, `break` or an error, ends the threads, within 13
 * seconds also where one hangs. A thread that dies, runs out of memory (V8's heap is limited to 2048 MB in each; pixels
 * lie outside of it) or hangs is replaced and its batches are made again, the same.
 * @throws SitError "bad-option" at once for bad options; while iterating, what reading an image throws, naming it,
 * "bad-file" above `maximumBadShare`, "aborted" where a batch has cost two threads
 */
export function batches(dataset: ImageDataset, options: BatchesOptions): Batches {
  const settings = checkedOptions(dataset, options);
  const { batchSize, seed, shuffle, stepsPerEpoch, workers, prefetch, epochs, keepWorkers } = settings;
  const { storage, name } = dataset;
  const recipe = { storage, name, seed, badImages: settings.badImages };
  const problems = problemRecord(dataset, settings);
  const closing = new Set<Promise<void>>();
  let kept: BatchPool | undefined;
  let spare: (readonly ArrayBuffer[])[] = [];
  let recentOrder: { epoch: number; order: Uint32Array } | undefined;

  const epochOf = (step: number): number => Math.floor(step / stepsPerEpoch);
  const orderOf = (epoch: number): Uint32Array => {
    if (recentOrder?.epoch !== epoch) {
      recentOrder = { epoch, order: epochOrder(dataset.length, epoch, seed, shuffle) };
    }
    return recentOrder.order;
  };
  const taskOf = (step: number): BatchTask => {
    const epoch = epochOf(step);
    const first = (step % stepsPerEpoch) * batchSize;
    const indices = Int32Array.from(orderOf(epoch).subarray(first, first + batchSize));
    return { epoch, indices, buffers: spare.pop() };
  };
  const batchOf = (views: readonly View[], step: number, made: MadeBatch): Batch | undefined => {
    problems.add(made.problems);
    const { indices } = made;
    if (indices.length === 0) return undefined;
    return {
      views: views.map(({ name, height, width, channels }, i) => ({
        name,
        data: made.views[i] as Float32Array<ArrayBuffer>,
        shape: [indices.length, height, width, channels],
      })),
      indices,
      labels: settings.labels && Int32Array.from(indices, (i) => settings.labels?.[i] as number),
      targets: settings.targets && pickTargets(settings.targets, dataset.classes?.length ?? 0, indices),
      epoch: epochOf(step),
      step,
    };
  };
  const openPool = (): BatchPool => {
    const { workerUrl, workerTimeout } = settings;
    const views = options.views as readonly ViewSpec[];
    const pool = kept ?? createPool({ ...recipe, views, workers, workerUrl, workerTimeout });
    if (keepWorkers) kept = pool;
    return pool;
  };
  const closePool = async (pool: BatchPool): Promise<void> => {
    if (pool === kept) kept = undefined;
    const closed = pool.close();
    closing.add(closed);
    await closed;
    closing.delete(closed);
  };
  const inThreads = (views: readonly View[]): StepSource<MadeBatch, Batch> => {
    const pool = openPool();
    return {
      depth: prefetch,
      eager: true,
      make: (step) => pool.make(taskOf(step)),
      finish: (step, made) => batchOf(views, step, made),
      async close() {
        spare = [];
        if (pool !== kept || pool.failed) await closePool(pool);
      },
    };
  };
  const inMainThread = (views: readonly View[]): StepSource<MadeBatch, Batch> => {
    let cancelled = false;
    const watch = { cancelled: () => cancelled };
    return {
      depth: 1,
      eager: false,
      make: (step) => makeBatch(recipe, views, taskOf(step), undefined, watch),
      finish: (step, made) => batchOf(views, step, made),
      async close() {
        spare = [];
        cancelled = true;
      },
    };
  };

  const range: Batches["range"] = (start, end, { signal } = {}) => {
    const open = async () => {
      const whole = (step: number) => Number.isSafeInteger(step) && step >= 0;
      requireOption(whole(start), "start", "a whole number of steps, 0 or more", start);
      const later = (whole(end) && end >= start) || end === Infinity;
      requireOption(later, "end", `a whole number from ${start} on`, end);
      // Here too, so that a bad view is told before any thread is started.
      const views = await createViews(options.views);
      return workers > 0 && start < end ? inThreads(views) : inMainThread(views);
    };
    return stepIterator(start, end, open, signal);
  };

  return {
    batchSize,
    stepsPerEpoch,
    workers,
    range,
    problems: problems.list,
    async settings() {
      const { shuffle, dropLast } = settings;
      const images = { images: dataset.length, sha256: await lastFingerprint(dataset) };
      return { dataset: images, seed, shuffle, dropLast, views: viewSettings(options.views) };
    },
    nameOf(index) {
      requireIndex(index, dataset.length, "index");
      return sampleName(storage, name, index);
    },
    release({ views }) {
      const buffers = views.map(({ data }) => data.buffer);
      // Empty: given back before, or moved elsewhere by the consumer.
      if (buffers.some(({ byteLength }) => byteLength === 0)) return;
      // Taken away at once and not when they are used again: whoever still reads them shall not see other pixels.
      spare.push(buffers.map((buffer) => structuredClone(buffer, { transfer: [buffer] })));
    },
    [Symbol.asyncIterator]: () => range(0, epochs * stepsPerEpoch),
    async close() {
      if (kept) void closePool(kept);
      await Promise.all(closing);
    },
  };
}
