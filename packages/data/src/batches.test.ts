import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { dinoViews, evalView, moduleTransform, sitViews } from "@sitjs/augment";
import { randomStream } from "@sitjs/core/random";
import sharp from "sharp";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { buildProgram, builtWorker } from "../test/build-worker.js";
import { scratchFolder } from "../test/scratch.js";
import {
  type Batch,
  type BatchesOptions,
  batches,
  type ImageDataset,
  imageFolder,
  memoryDataset,
} from "./index.js";

/** Threads that the loader has started and that have not ended. */
const threads = vi.hoisted(() => ({ live: 0, started: 0 }));
vi.mock("node:worker_threads", async (importOriginal) => {
  const original = await importOriginal<typeof import("node:worker_threads")>();
  class Worker extends original.Worker {
    constructor(...args: ConstructorParameters<typeof original.Worker>) {
      super(...args);
      threads.live++;
      threads.started++;
      this.once("exit", () => threads.live--);
    }
  }
  return { ...original, Worker };
});

const worker = builtWorker();
const scratch = scratchFolder();

const rng = randomStream(5, "pixels");
const dataset = memoryDataset({
  pixels: Uint8Array.from({ length: 23 * 64 * 3 }, () => rng.integer(0, 256)),
  width: 8,
  height: 8,
  channels: 3,
  labels: Array.from({ length: 23 }, (_, i) => i % 4),
});
const twoViews = sitViews({ size: 6, preset: "small" });
const plainView = evalView({ size: 8, mean: [0, 0, 0], deviation: [1, 1, 1] });

async function all(iterable: AsyncIterable<Batch>): Promise<Batch[]> {
  const list: Batch[] = [];
  for await (const batch of iterable) list.push(batch);
  return list;
}
const load = (options: Partial<BatchesOptions> = {}, from: ImageDataset = dataset) =>
  batches(from, { views: twoViews, batchSize: 5, seed: 0, workers: 0, ...options });

describe("one epoch", () => {
  it("gives every sample once, in whole batches, with its label", async () => {
    const list = await all(load({ dropLast: false }));
    expect(list.map(({ indices }) => indices.length)).toEqual([5, 5, 5, 5, 3]);
    const seen = list.flatMap(({ indices }) => [...indices]);
    expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: 23 }, (_, i) => i));
    expect(seen).not.toEqual([...seen].sort((a, b) => a - b));
    for (const { indices, labels } of list) expect(labels).toEqual(indices.map((i) => i % 4));
    expect(list.map(({ step, epoch }) => [step, epoch])).toEqual([0, 1, 2, 3, 4].map((step) => [step, 0]));
  });

  it("leaves the smaller last batch out of training", async () => {
    const loader = load();
    expect([loader.stepsPerEpoch, load({ dropLast: false }).stepsPerEpoch]).toEqual([4, 5]);
    expect(await all(loader)).toHaveLength(4);
  });

  it("names the views and their shapes, in the order asked for", async () => {
    const [batch] = await all(load().range(0, 1));
    expect(batch?.views.map(({ name, shape, data }) => [name, shape, data.length])).toEqual([
      ["view1", [5, 6, 6, 3], 540],
      ["view2", [5, 6, 6, 3], 540],
    ]);
    expect(batch?.views[0]?.data).not.toEqual(batch?.views[1]?.data);
  });

  it("keeps the order, the pixels and all samples for evaluation", async () => {
    const list = await all(load({ views: plainView, shuffle: false }));
    expect(list.flatMap(({ indices }) => [...indices])).toEqual(Array.from({ length: 23 }, (_, i) => i));
    const third = (await dataset.image(7)).data;
    const row = list[1]?.views[0]?.data.subarray(2 * 192, 3 * 192);
    expect(row).toEqual(Float32Array.from(third, (level) => Math.fround(level / 255)));
  });

  it("gives no labels where none are wanted", async () => {
    expect((await all(load({ labels: false }).range(0, 1)))[0]?.labels).toBeUndefined();
  });
});

describe("the same batches", () => {
  it("whatever the number of workers and of batches ahead", async () => {
    const expected = await all(load({ epochs: 2 }));
    expect(expected).toHaveLength(8);
    for (const [workers, prefetch] of [
      [1, 1],
      [2, 5],
    ]) {
      const got = await all(load({ epochs: 2, workers, prefetch, workerUrl: worker.url }));
      expect(got).toEqual(expected);
    }
  });

  it.each([0, 2])("where their memory is used again, %i workers", async (workers) => {
    const expected = await all(load({ epochs: 3, dropLast: false }));
    const given = vi.spyOn(globalThis, "structuredClone");
    const loader = load({ epochs: 3, dropLast: false, workers, workerUrl: worker.url });
    given.mockClear(); // the views are checked with it
    const reused = new Set<unknown>();
    let at = 0;
    for await (const batch of loader) {
      expect(batch).toEqual(expected[at++]);
      for (const { value } of given.mock.results) {
        if (batch.views.some(({ data }) => data.buffer === value)) reused.add(value);
      }
      loader.release(batch);
      for (const { data } of batch.views) expect(data).toHaveLength(0);
      loader.release(batch); // once more changes nothing
    }
    expect(at).toBe(15);
    expect(given).toHaveBeenCalledTimes(2 * 15);
    // In a worker it is moved on, so what comes back is the same memory in another object.
    if (workers === 0) expect(reused.size).toBeGreaterThan(12);
    given.mockRestore();
  });

  it.each([0, 2])("with views of several sizes, their memory used again, %i workers", async (workers) => {
    const views = dinoViews({ size: 8, localSize: 4, localCrops: 3 });
    const options = { views, epochs: 3, dropLast: false };
    const expected = await all(load(options));
    expect(expected[0]?.views.map(({ name, shape, data }) => [name, ...shape, data.length])).toEqual([
      ["global1", 5, 8, 8, 3, 960],
      ["global2", 5, 8, 8, 3, 960],
      ["local1", 5, 4, 4, 3, 240],
      ["local2", 5, 4, 4, 3, 240],
      ["local3", 5, 4, 4, 3, 240],
    ]);
    const loader = load({ ...options, workers, workerUrl: worker.url });
    let at = 0;
    for await (const batch of loader) {
      expect(batch).toEqual(expected[at++]);
      expect(new Set(batch.views.map(({ data }) => data.join())).size).toBe(5);
      loader.release(batch);
    }
    expect(at).toBe(15);
  });

  it("when going on in the middle", async () => {
    const whole = await all(load({ epochs: 3 }));
    expect(await all(load().range(6, 12))).toEqual(whole.slice(6));
    expect(await all(load({ workers: 1, workerUrl: worker.url }).range(3, 5))).toEqual(whole.slice(3, 5));
    expect(await all(load().range(4, 4))).toEqual([]);
  });

  it("of a sample do not depend on the batch it is in", async () => {
    const find = async (batchSize: number) => {
      const list = await all(load({ batchSize, dropLast: false }));
      const batch = list.find(({ indices }) => indices.includes(11)) as Batch;
      const row = batch.indices.indexOf(11);
      return batch.views.map(({ data }) => data.slice(row * 108, (row + 1) * 108));
    };
    expect(await find(3)).toEqual(await find(23));
  });

  it("but others in the next epoch and for another seed", async () => {
    const orders = [
      ...(await all(load({ batchSize: 23, epochs: 2 }))),
      ...(await all(load({ batchSize: 23, seed: 1 }))),
    ];
    expect(new Set(orders.map(({ indices }) => indices.join())).size).toBe(3);
    const views = orders.map(({ indices, views: [first] }) => {
      const row = indices.indexOf(0);
      return first?.data.slice(row * 108, (row + 1) * 108).join();
    });
    expect(new Set(views).size).toBe(3);
  });
});

describe("threads", () => {
  it("end where the loop is left early or fails, and where it comes to its end", async () => {
    const loader = load({ workers: 2, epochs: 50, workerUrl: worker.url });
    for await (const batch of loader) {
      expect(threads.live).toBe(2);
      if (batch.step === 3) break;
    }
    expect(threads.live).toBe(0);
    const failing = async () => {
      for await (const batch of loader) throw new Error(`stop at ${batch.step}`);
    };
    await expect(failing()).rejects.toThrow("stop at 0");
    expect(threads.live).toBe(0);
    await all(loader.range(0, 2));
    expect(threads.live).toBe(0);
  });

  it("stay for the next iteration if told to, until closed", async () => {
    const loader = load({ workers: 1, keepWorkers: true, workerUrl: worker.url });
    const first = await all(loader);
    const { started } = threads;
    expect(await all(loader)).toEqual(first);
    for await (const _ of loader) break;
    expect(await all(loader)).toEqual(first);
    expect(threads).toEqual({ live: 1, started });
    await loader.close();
    expect(threads.live).toBe(0);
    expect(await all(loader.range(0, 1))).toEqual(first.slice(0, 1));
    await loader.close();
  });

  it("keep no program from its end, though it forgets them", async () => {
    // A program of its own, bundled, with the worker beside it; it takes one batch and walks away.
    const program = await buildProgram(worker.url);
    const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: 30_000 });
    expect(stdout).toBe("step 0 of 20 images\n");
  });

  it("tell where their script is missing, and views that cannot be posted", async () => {
    const missing = load({ workers: 1, workerUrl: new URL("file:///nowhere/worker.js") });
    await expect(all(missing)).rejects.toMatchObject({
      code: "missing-file",
      message: /nowhere\/worker\.js/,
    });
    const [view] = plainView;
    const views = [{ ...view, transforms: [{ apply: (image: never) => image }] }] as never;
    expect(() => load({ views, workers: 1 })).toThrow(/^views: expected plain data/);
  });

  it("tell that a script is not the loader's worker", async () => {
    const path = join(scratch, "broken.mjs");
    writeFileSync(path, "throw new Error('out of order')");
    const broken = load({ workers: 1, workerUrl: new URL(`file://${path}`) });
    await expect(all(broken)).rejects.toThrow(/loader worker: failed \(out of order\)/);
  });
});

describe("files", () => {
  let photos: ImageDataset;
  const folder = join(scratch, "photos");
  beforeAll(async () => {
    for (const name of ["cat", "dog"]) {
      mkdirSync(join(folder, name), { recursive: true });
      for (let i = 0; i < 4; i++) {
        const background = { r: 40 * i, g: name === "cat" ? 200 : 0, b: 9 };
        const picture = sharp({ create: { width: 20 + i, height: 16, channels: 3, background } });
        await picture.png().toFile(join(folder, name, `${i}.png`));
      }
    }
    photos = await imageFolder(folder);
  });

  it("give the same batches in the main thread and in workers", async () => {
    const options = { batchSize: 3, dropLast: false };
    const expected = await all(load(options, photos));
    expect(await all(load({ ...options, workers: 2, workerUrl: worker.url }, photos))).toEqual(expected);
    expect(expected[0]?.labels).toEqual(expected[0]?.indices.map((i) => (i < 4 ? 0 : 1)));
  });

  it.each([0, 2])(
    "name the one that cannot be read, with %i workers, and leave no threads",
    async (workers) => {
      writeFileSync(join(folder, "dog", "2.png"), "gone bad");
      const loader = load({ batchSize: 2, workers, workerUrl: worker.url }, photos);
      const failure = await all(loader).catch((error: unknown) => error);
      expect(failure).toMatchObject({
        name: "SitError",
        code: "bad-file",
        message: expect.stringMatching(/dog.2\.png: expected a readable image, got: /),
        mend: expect.stringContaining("Remove or replace"),
      });
      expect(threads.live).toBe(0);
    },
  );
});

describe("bad options", () => {
  it.each<[string, Partial<BatchesOptions>]>([
    ["batchSize", { batchSize: 0 }],
    ["batchSize", { batchSize: 24 }],
    ["workers", { workers: -1 }],
    ["workers", { workers: 1.5 }],
    ["prefetch", { prefetch: 0 }],
    ["epochs", { epochs: 0 }],
    ["views", { views: [] }],
    ["seed", { seed: 0.5 }],
  ])("%s is named for %j", (name, options) => {
    expect(() => load(options)).toThrow(new RegExp(`^${name}: expected`));
  });

  it("labels, start and end are named", async () => {
    const bare = memoryDataset({ pixels: new Uint8Array(8), width: 2, height: 2, channels: 1 });
    expect(() => load({ labels: true, batchSize: 1 }, bare)).toThrow(/^labels: expected false for images/);
    await expect(all(load().range(-1, 4))).rejects.toThrow(/^start/);
    await expect(all(load().range(3, 2))).rejects.toThrow(/^end/);
  });

  it("a transform's module that does not load is told before any thread starts", async () => {
    const url = "file:///nowhere/transform.mjs";
    const views = [{ ...plainView[0], transforms: [moduleTransform({ url })] }];
    await expect(all(load({ views, workers: 1, workerUrl: worker.url }))).rejects.toThrow(
      /nowhere\/transform\.mjs/,
    );
  });
});
