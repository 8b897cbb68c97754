import { rmSync } from "node:fs";
import { join } from "node:path";
import { applyViews, createViews, sitViews } from "@sitjs/augment";
import { randomStream } from "@sitjs/core/random";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { builtWorker } from "../test/build-worker.js";
import { all, noiseImages } from "../test/loading.js";
import { photoFolder } from "../test/photos.js";
import { scratchFolder } from "../test/scratch.js";
import { type BatchesOptions, batches, type ImageDataset, subset } from "./index.js";

const worker = builtWorker();
const scratch = scratchFolder();
const views = sitViews({ size: 6, preset: "small" });
const RUNS = 20;

/** Everything that decides which batches there are, and two ways to ask for them. */
const cases = fc
  .record({
    length: fc.integer({ min: 1, max: 40 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    seed: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
    shuffle: fc.boolean(),
    dropLast: fc.boolean(),
    workers: fc.integer({ min: 0, max: 3 }),
    prefetch: fc.integer({ min: 1, max: 5 }),
    start: fc.nat(30),
    count: fc.nat(8),
  })
  .map(({ share, ...rest }) => ({ ...rest, batchSize: 1 + Math.floor(share * (rest.length - 1)) }));

/** The samples of a step, as the documentation defines them. */
function samplesOf(
  step: number,
  {
    length,
    batchSize,
    seed,
    shuffle,
    dropLast,
  }: Pick<BatchesOptions, "batchSize"> & {
    length: number;
    seed: number;
    shuffle: boolean;
    dropLast: boolean;
  },
): { epoch: number; indices: number[] } {
  const stepsPerEpoch = dropLast ? Math.floor(length / batchSize) : Math.ceil(length / batchSize);
  const epoch = Math.floor(step / stepsPerEpoch);
  const order = shuffle
    ? [...randomStream(seed, "shuffle", epoch).permutation(length)]
    : Array.from({ length }, (_, i) => i);
  const first = (step % stepsPerEpoch) * batchSize;
  return { epoch, indices: order.slice(first, first + batchSize) };
}

describe("any dataset, batch size, number of threads and range", () => {
  it("gives the samples and pixels of the definition", async () => {
    const running = await createViews(views);
    await fc.assert(
      fc.asyncProperty(cases, async ({ length, start, count, ...options }) => {
        const dataset = noiseImages(length);
        const loader = batches(dataset, { ...options, views, workerUrl: worker.url });
        const list = await all(loader.range(start, start + count));
        expect(list.map(({ step }) => step)).toEqual(Array.from({ length: count }, (_, i) => start + i));
        for (const batch of list) {
          const { epoch, indices } = samplesOf(batch.step, { length, ...options });
          expect([batch.epoch, ...batch.indices]).toEqual([epoch, ...indices]);
          const out = running.map((view) => new Float32Array(indices.length * view.length));
          for (const [row, index] of indices.entries()) {
            const image = await dataset.image(index);
            applyViews(running, image, randomStream(options.seed, "augment", epoch, index), out, row);
          }
          expect(batch.views.map(({ data }) => data)).toEqual(out);
        }
      }),
      { numRuns: RUNS, seed: 1 },
    );
  });

  it("goes on from any step as if it had not stopped, with another number of threads", async () => {
    await fc.assert(
      fc.asyncProperty(
        cases,
        fc.nat(8),
        fc.nat(3),
        async ({ length, start, count, ...options }, at, later) => {
          const dataset = noiseImages(length);
          const load = (workers: number) =>
            batches(dataset, { ...options, views, workers, workerUrl: worker.url });
          const stop = start + Math.min(at, count);
          const whole = await all(load(options.workers).range(start, start + count));
          const before = await all(load(options.workers).range(start, stop));
          const after = await all(load(later).range(stop, start + count));
          expect([...before, ...after]).toEqual(whole);
        },
      ),
      { numRuns: RUNS, seed: 2 },
    );
  });
});

describe("bad files anywhere", () => {
  const COUNT = 24;
  let photos: ImageDataset;
  /** Every third file is gone; a subset has as many of them as it likes. */
  const isGone = (index: number) => index % 3 === 0;
  beforeAll(async () => {
    const folder = join(scratch, "photos");
    photos = await photoFolder(folder, COUNT);
    for (let i = 0; i < COUNT; i += 3) rmSync(join(folder, `${String(i).padStart(2, "0")}.png`));
  });
  const chosen = fc
    .subarray(
      Array.from({ length: COUNT }, (_, i) => i),
      { minLength: 2 },
    )
    .filter((list) => !list.every(isGone));
  const options = { views, maximumBadShare: 1, onProblem: () => undefined };

  it("are replaced by good ones, others stay, whatever the number of threads and from any step", async () => {
    await fc.assert(
      fc.asyncProperty(
        chosen,
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 2 }),
        fc.nat(9),
        async (indices, size, workers, start) => {
          const dataset = subset(photos, indices);
          const common = { length: indices.length, seed: 3, shuffle: true, dropLast: false };
          const batchSize = Math.min(size, indices.length);
          const load = (count: number) =>
            batches(dataset, {
              ...options,
              ...common,
              batchSize,
              badImages: "replace",
              workers: count,
              workerUrl: worker.url,
            });
          const list = await all(load(0).range(start, start + 4));
          expect(await all(load(workers).range(start + 2, start + 4))).toEqual(list.slice(2));
          for (const batch of list) {
            const wanted = samplesOf(batch.step, { ...common, batchSize }).indices;
            expect(batch.indices).toHaveLength(wanted.length);
            for (const [row, taken] of batch.indices.entries()) {
              const own = wanted[row] as number;
              if (isGone(indices[own] as number)) expect(isGone(indices[taken] as number)).toBe(false);
              else expect(taken).toBe(own);
            }
          }
        },
      ),
      { numRuns: RUNS, seed: 4 },
    );
  });

  it("are left out, and all others given once in their order", async () => {
    await fc.assert(
      fc.asyncProperty(chosen, fc.integer({ min: 1, max: 6 }), fc.nat(2), async (indices, size, workers) => {
        const loader = batches(subset(photos, indices), {
          ...options,
          batchSize: Math.min(size, indices.length),
          badImages: "leave-out",
          shuffle: false,
          workers,
          workerUrl: worker.url,
        });
        const list = await all(loader);
        const places = indices.map((_, place) => place);
        expect(list.flatMap((batch) => [...batch.indices])).toEqual(
          places.filter((place) => !isGone(indices[place] as number)),
        );
        expect(list.every((batch) => batch.indices.length > 0)).toBe(true);
        expect(loader.problems.map(({ index }) => index)).toEqual(
          places.filter((place) => isGone(indices[place] as number)),
        );
      }),
      { numRuns: RUNS, seed: 5 },
    );
  });
});
