import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { evalView, type Image, moduleTransform, sitViews } from "@sitjs/augment";
import { SitError } from "@sitjs/core/errors";
import type { RandomStream } from "@sitjs/core/random";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { builtWorker } from "../test/build-worker.js";
import { all, noiseImages } from "../test/loading.js";
import { photoFolder } from "../test/photos.js";
import { scratchFolder } from "../test/scratch.js";
import { isFileFault, isOutOfMemory } from "./faults.js";
import { ImageError } from "./image-error.js";
import {
  type BadImage,
  type Batch,
  type BatchesOptions,
  batches,
  type ImageDataset,
  subset,
  summarizeProblems,
} from "./index.js";

const worker = builtWorker();
const scratch = scratchFolder();
const folder = join(scratch, "photos");
const COUNT = 40;
const BAD = [4, 9, 17, 31];
const pathOf = (index: number) => join(folder, `${String(index).padStart(2, "0")}.png`);

let photos: ImageDataset;
beforeAll(async () => {
  const opened = await photoFolder(folder, COUNT);
  photos = { ...opened, labels: Int32Array.from({ length: COUNT }, (_, i) => 100 + i), classes: undefined };
  // After the folder was looked through: gone, cut off, emptied, and a folder in its place.
  rmSync(pathOf(4));
  writeFileSync(pathOf(9), "not an image");
  writeFileSync(pathOf(17), "");
  rmSync(pathOf(31));
  mkdirSync(pathOf(31));
});

let told: BadImage[] = [];
beforeEach(() => {
  told = [];
});
const load = (options: Partial<BatchesOptions> = {}, from: ImageDataset = photos) =>
  batches(from, {
    views: sitViews({ size: 8, preset: "small" }),
    batchSize: 8,
    workers: 0,
    workerUrl: worker.url,
    onProblem: (problem) => told.push(problem),
    ...options,
  });
const indicesOf = (list: readonly Batch[]) => list.flatMap(({ indices }) => [...indices]);

describe.each([0, 2])("with %i workers", (workers) => {
  it("a bad image ends the iteration where nothing else is said", async () => {
    const failure = await all(load({ workers })).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ImageError);
    const { message, kind, reason, code, mend } = failure as ImageError;
    expect(message.startsWith(folder)).toBe(true);
    expect(message.endsWith(reason)).toBe(true);
    expect(code).toBe(kind === "missing" ? "missing-file" : "bad-file");
    expect(mend).toContain('verify: "full"');
  });

  it("others take the places of bad images, with their labels", async () => {
    const plain = batches(photos, {
      views: evalView({ size: 8 }),
      batchSize: 8,
      workers: 0,
      badImages: "replace",
      onProblem: () => undefined,
    });
    const loader = load({ workers, badImages: "replace", epochs: 2 });
    const list = await all(loader);
    const order = indicesOf(
      await all(
        batches(noiseImages(COUNT), { views: evalView({ size: 8 }), batchSize: 8, workers: 0, epochs: 2 }),
      ),
    );
    const taken = indicesOf(list);
    expect(taken).toHaveLength(2 * COUNT);
    const replaced = order.flatMap((index, place) => (BAD.includes(index) ? [place] : []));
    expect(replaced).toHaveLength(2 * BAD.length);
    for (const [place, index] of order.entries()) {
      if (!replaced.includes(place)) expect(taken[place]).toBe(index);
      else expect(BAD).not.toContain(taken[place]);
    }
    // Drawn anew in each epoch.
    const standIns = (from: number) => BAD.map((bad) => taken[order.indexOf(bad, from)]);
    expect(standIns(0)).not.toEqual(standIns(COUNT));
    for (const { indices, labels, views } of list) {
      expect(labels).toEqual(indices.map((i) => 100 + i));
      for (const { shape } of views) expect(shape).toEqual([8, 8, 8, 3]);
    }
    // The pixels are those of the sample named: one colour each, which a view without randomness shows.
    for await (const { indices, views } of plain.range(0, 5)) {
      const pixels = views[0]?.data as Float32Array;
      for (const [row, index] of indices.entries()) {
        const own = await photos.image(index);
        const alone = await all(
          batches(subset(photos, [index]), { views: evalView({ size: 8 }), batchSize: 1, workers: 0 }),
        );
        expect(own.data[0]).toBe(3 * index);
        expect(pixels.subarray(row * 192, (row + 1) * 192)).toEqual(alone[0]?.views[0]?.data);
      }
    }
  });

  it("the same ones whatever is asked for first", async () => {
    const whole = await all(load({ workers: 0, badImages: "replace", epochs: 2 }));
    const loader = load({ workers, badImages: "replace" });
    for (const step of [7, 2, 7, 0]) expect(await all(loader.range(step, step + 1))).toEqual([whole[step]]);
    expect(await all(loader.range(0, 10))).toEqual(whole);
  });

  it("bad images are left out, and a batch without any other is not given", async () => {
    const chosen = subset(photos, [0, 4, 9, 17, 1, 2, 3]);
    const options = {
      workers,
      badImages: "leave-out",
      shuffle: false,
      batchSize: 3,
      maximumBadShare: 0.5,
    } as const;
    const list = await all(load({ ...options, batchSize: 2 }, chosen));
    expect(list.map(({ indices, step }) => [step, [...indices]])).toEqual([
      [0, [0]],
      [2, [4, 5]],
      [3, [6]],
    ]);
    expect(list.map(({ views }) => views[0]?.shape[0])).toEqual([1, 2, 1]);
    expect(list[0]?.views[0]?.data).toHaveLength(192);
    expect(list[0]?.views[0]?.data.buffer.byteLength).toBe(4 * 192);
    expect(list.map(({ labels }) => [...(labels ?? [])])).toEqual([[100], [101, 102], [103]]);
    const without = await all(load({ ...options, workers: 0, batchSize: 7 }, chosen));
    expect(indicesOf(without)).toEqual([0, 4, 5, 6]);
  });

  it("each is told once, with its path and reason, and listed in order", async () => {
    const loader = load({ workers, badImages: "leave-out", epochs: 3 });
    await all(loader);
    expect(loader.problems.map(({ index }) => index)).toEqual(BAD);
    expect(loader.problems.map(({ path }) => path)).toEqual(BAD.map(pathOf));
    expect(loader.problems.map(({ path }) => path)).toEqual(BAD.map((index) => loader.nameOf(index)));
    expect(loader.problems.map(({ kind }) => kind)).toEqual([
      "missing",
      "not-an-image",
      "empty",
      "not-a-file",
    ]);
    for (const { index, kind, reason } of loader.problems) {
      await expect(photos.image(index)).rejects.toMatchObject({ kind, reason });
    }
    expect(summarizeProblems(loader.problems).count).toBe(4);
    expect([...told].sort((a, b) => a.index - b.index)).toEqual(loader.problems);
  });

  it("too many end the iteration, at the same step, naming the first", async () => {
    const loader = load({ workers, badImages: "replace", maximumBadShare: 0.05 });
    const given: number[] = [];
    const failing = async () => {
      for await (const { step } of loader) given.push(step);
    };
    await expect(failing()).rejects.toMatchObject({
      name: "SitError",
      code: "bad-file",
      message: expect.stringMatching(
        /^photos: expected at most 5\.0 % unreadable images, got \d of 40 \(\d+\.\d %\): .*\.png \(.+\), .*\.png \(/,
      ),
      mend: expect.stringContaining("maximumBadShare"),
    });
    const reference = load({ badImages: "replace", maximumBadShare: 0.05 });
    const steps: number[] = [];
    await (async () => {
      for await (const { step } of reference) steps.push(step);
    })().catch(() => undefined);
    expect(given).toEqual(steps);
    expect(loader.problems).toEqual(reference.problems);
  });

  it("all of them are too many whatever the share", async () => {
    const bad = subset(photos, BAD);
    for (const badImages of ["leave-out", "replace"] as const) {
      const loader = load({ workers, badImages, batchSize: 4, maximumBadShare: 1 }, bad);
      await expect(all(loader)).rejects.toMatchObject({
        code: "bad-file",
        message: expect.stringContaining(folder),
      });
    }
  });

  it("a bad transform is no bad image", async () => {
    const [view] = evalView({ size: 8 });
    const url = new URL("../test/faulty-transform.mjs", import.meta.url).href;
    const options = { fault: "throw", image: 0, counter: join(scratch, "counter") }; // goes wrong in threads only
    const own = {
      name: "own",
      apply() {
        throw new Error("a bad transform");
      },
    };
    const transforms = [workers > 0 ? moduleTransform({ url, options }) : own];
    const loader = load({ workers, views: [{ ...view, transforms }], badImages: "replace" });
    await expect(all(loader)).rejects.toMatchObject({
      message: expect.stringMatching(/\.png: a bad transform$/),
    });
    expect(loader.problems.every(({ index }) => BAD.includes(index))).toBe(true);
  });
});

describe("a sample that stands in for another", () => {
  it("has other draws than in its own place", async () => {
    // One image is good: all places go to it, whose views would else be all the same.
    const one = subset(photos, [0, ...BAD]);
    const draws: number[] = [];
    const record = {
      name: "record",
      apply(image: Image, rng: RandomStream) {
        draws.push(rng.uniform());
        return image;
      },
    };
    const [view] = evalView({ size: 8 });
    const views = [{ ...view, transforms: [record, ...view.transforms] }];
    const loader = load({ views, badImages: "replace", batchSize: 5, maximumBadShare: 0.9 }, one);
    const list = await all(loader);
    expect(indicesOf(list)).toEqual([0, 0, 0, 0, 0]);
    expect(new Set(draws).size).toBe(5);
  });
});

describe("what is told", () => {
  it("is one process warning where nobody listens", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const loader = batches(photos, {
      views: evalView({ size: 8 }),
      batchSize: 8,
      workers: 0,
      badImages: "leave-out",
      maximumBadShare: 0.5,
    });
    await all(loader);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]?.[0]).toContain(folder);
    warn.mockRestore();
  });

  it("a file's fault is neither a lack of memory nor of open files, nor a bug", () => {
    const withCode = (code: string) => Object.assign(new Error(code), { code });
    const unread = (cause: unknown) => new ImageError("a.png", "unreadable", "cannot be read", cause);
    expect(isFileFault(unread(withCode("EACCES")))).toBe(true);
    expect(isFileFault(new SitError("disk", "a.png: EMFILE", { cause: withCode("EMFILE") }))).toBe(false);
    expect(isFileFault(new SitError("bad-file", "x"))).toBe(false);
    expect(isFileFault(new Error("x"))).toBe(false);
    let failed: unknown;
    try {
      new ArrayBuffer(2 ** 52);
    } catch (error) {
      failed = error;
    }
    for (const cause of [failed, withCode("ENOMEM"), withCode("ERR_MEMORY_ALLOCATION_FAILED")]) {
      expect(isOutOfMemory(unread(cause))).toBe(true);
      expect(isFileFault(unread(cause))).toBe(false);
    }
    expect(isOutOfMemory(unread(withCode("EACCES")))).toBe(false);
  });

  it("names samples in memory by dataset, and checks the index", () => {
    const loader = load({}, noiseImages(8));
    expect(loader.nameOf(7)).toBe("sample 7 of images");
    expect(() => loader.nameOf(8)).toThrow(/^index: expected a whole number from 0 to 7/);
  });

  it.each<[string, Partial<BatchesOptions>]>([
    ["badImages", { badImages: "skip" as never }],
    ["maximumBadShare", { maximumBadShare: 1.5 }],
    ["maximumBadShare", { maximumBadShare: Number.NaN }],
    ["workerTimeout", { workerTimeout: -1 }],
    ["workerTimeout", { workerTimeout: Infinity }],
  ])("%s is checked: %j", (name, options) => {
    expect(() => load(options)).toThrow(new RegExp(`^${name}: expected`));
  });
});
