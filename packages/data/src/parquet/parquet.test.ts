import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { evalView } from "@sitjs/augment";
import { SitError } from "@sitjs/core/errors";
import { describe, expect, it, test } from "vitest";
import { builtWorker } from "../../test/build-worker.js";
import { all } from "../../test/loading.js";
import { scratchFolder } from "../../test/scratch.js";
import {
  balancedSubset,
  batches,
  datasetFingerprint,
  findParquet,
  type ImageDataset,
  parquetDataset,
  sampleFile,
  subset,
} from "../index.js";

/** Written by Python, see the folder's README. */
const folder = fileURLToPath(new URL("../../../../fixtures/parquet/", import.meta.url));
const at = (name: string) => join(folder, name);
const worker = builtWorker();
const scratch = scratchFolder();
const emptyFolder = () => mkdtempSync(join(scratch, "test-"));

const names = ["cat", "dog", "owl"];
const [width, height] = [6, 5];

/** Image `i`, [height, width, 3], by the formula of `python.py`. */
function pixels(i: number): Uint8Array {
  return Uint8Array.from({ length: height * width * 3 }, (_, k) => {
    const [y, x, c] = [Math.floor(k / (width * 3)), Math.floor(k / 3) % width, k % 3];
    return (i * 37 + y * 11 + x * 7 + c * 61) % 256;
  });
}

async function expectImages(dataset: ImageDataset, images: readonly number[]): Promise<void> {
  expect(dataset.length).toBe(images.length);
  for (const [index, i] of images.entries()) {
    const image = await dataset.image(index);
    expect([image.width, image.height, image.channels]).toEqual([width, height, 3]);
    expect(image.data, `image ${i}`).toEqual(pixels(i));
  }
}

const twelve = Array.from({ length: 12 }, (_, i) => i);
const thirds = (images: readonly number[]) => images.map((i) => i % 3);

describe("files of pyarrow and Hugging Face", () => {
  test.each(["none", "snappy", "gzip", "brotli", "lz4", "zstd"])("%s", async (codec) => {
    const dataset = await parquetDataset(at(`${codec}.parquet`));
    await expectImages(dataset, twelve);
    expect([...(dataset.labels ?? [])]).toEqual(thirds(twelve));
    expect(dataset.classes).toEqual(names);
    expect(dataset.problems).toEqual([]);
    expect(sampleFile(dataset, 7)).toBe(`${codec}.parquet#7/7.png`);
  });

  it("are one data set in several parts, found by their names", async () => {
    const found = await findParquet(folder.replace(/\/$/, "/data"));
    expect(found?.train.map((path) => basename(path))).toEqual([
      "train-00000-of-00002.parquet",
      "train-00001-of-00002.parquet",
    ]);
    expect(found?.test.map((path) => basename(path))).toEqual(["test-00000-of-00001.parquet"]);
    await expectImages(await parquetDataset(found?.train ?? []), twelve);
    const held = await parquetDataset(found?.test ?? [], { classNames: names });
    await expectImages(held, [12, 13, 14]);
    expect(held.classes).toEqual(names);
  });

  it("share the bytes of images that repeat", async () => {
    const dataset = await parquetDataset(at("dictionary.parquet"));
    const rows = Array.from({ length: 60 }, (_, i) => i % 3);
    await expectImages(dataset, rows);
    const { bytes, ranges } = dataset.storage;
    expect(new Set(ranges.filter((_, i) => i % 2 === 0)).size).toBe(3);
    expect(bytes instanceof SharedArrayBuffer && bytes.byteLength).toBeLessThan(
      statSync(at("dictionary.parquet")).size,
    );
  });

  it("may hold bytes alone, and classes by name", async () => {
    const dataset = await parquetDataset(at("plain.parquet"));
    await expectImages(dataset, twelve);
    expect(dataset.classes).toEqual(names);
    expect([...(dataset.labels ?? [])]).toEqual(thirds(twelve));
    expect(sampleFile(dataset, 3)).toBe("plain.parquet#3");
    const order = ["owl", "dog", "cat"];
    const turned = await parquetDataset(at("plain.parquet"), { classNames: order });
    expect([...(turned.labels ?? [])].slice(0, 3)).toEqual([2, 1, 0]);
    const unlabelled = await parquetDataset(at("plain.parquet"), { image: "img", label: false });
    expect(unlabelled.labels).toBeUndefined();
  });

  it("have no labels where all are -1", async () => {
    const dataset = await parquetDataset(at("unlabelled.parquet"));
    expect([dataset.labels, dataset.classes]).toEqual([undefined, undefined]);
  });

  it("give the same batches in memory, in a file of the cache, in threads and without", async () => {
    const path = emptyFolder();
    const load = async (dataset: ImageDataset, workers: number) => {
      const views = evalView({ size: 5, mean: [0, 0, 0], deviation: [1, 1, 1] });
      const loader = batches(dataset, { views, batchSize: 4, workers, seed: 3, workerUrl: worker.url });
      return (await all(loader)).map(({ views: [view], indices, labels }) => [view?.data, indices, labels]);
    };
    const inMemory = await parquetDataset(at("snappy.parquet"));
    const expected = await load(inMemory, 0);
    expect(expected).toHaveLength(3);
    expect(await load(inMemory, 2)).toEqual(expected);
    const options = { memoryLimit: 100, cacheDir: path };
    const onDisk = await parquetDataset(at("snappy.parquet"), options);
    expect(onDisk.storage.bytes).toMatchObject({ file: expect.stringContaining(path) });
    expect(await load(onDisk, 0)).toEqual(expected);
    expect(await load(onDisk, 2)).toEqual(expected);
    const again = await parquetDataset(at("snappy.parquet"), options);
    expect(again.storage).toEqual(onDisk.storage);
    expect(readdirSync(join(path, "datasets", "parquet"))).toHaveLength(1);
    expect(await datasetFingerprint(onDisk)).toBe(await datasetFingerprint(inMemory));
  });

  it("can be cut into parts", async () => {
    const dataset = await parquetDataset(at("snappy.parquet"));
    const some = subset(dataset, [11, 2]);
    await expectImages(some, [11, 2]);
    expect(sampleFile(some, 0)).toBe("snappy.parquet#11/11.png");
    expect(balancedSubset(dataset, { perClass: 2 }).length).toBe(6);
    expect(await datasetFingerprint(some)).not.toBe(await datasetFingerprint(dataset));
  });
});

describe("images that are missing or no images", () => {
  const options = { maximumBadShare: 0.5, onProblem: () => undefined };

  it("are left out and listed", async () => {
    const seen: string[] = [];
    const onProblem = ({ path }: { path: string }) => seen.push(path);
    const dataset = await parquetDataset(at("nulls.parquet"), { ...options, onProblem });
    const left = [0, 2, 3, 5, 6, 8, 9, 11];
    await expectImages(dataset, left);
    expect([...(dataset.labels ?? [])]).toEqual(thirds(left));
    expect(dataset.problems.map(({ path, kind }) => [path, kind])).toEqual([
      ["nulls.parquet#1", "empty"],
      ["nulls.parquet#4/4.png", "empty"],
      ["nulls.parquet#7/7.png", "empty"],
      ["nulls.parquet#10/10.png", "not-an-image"],
      ["dog", "empty-class"],
    ]);
    expect(seen).toEqual(dataset.problems.map(({ path }) => path));
  });

  it("leave their class its label, where only the rows name it", async () => {
    const texts = await parquetDataset(at("lost-class.parquet"), options);
    const left = [0, 2, 3, 5, 6, 8, 9, 11];
    expect([texts.classes, [...(texts.labels ?? [])]]).toEqual([names, thirds(left)]);
    expect(texts.problems.at(-1)).toEqual({
      path: "dog",
      kind: "empty-class",
      reason: "a class without a readable image; its label stays",
    });
    // The lost class is the last: its number is known from the rows alone.
    const numbers = await parquetDataset(at("lost-class-by-number.parquet"), options);
    expect(numbers.classes).toEqual(["0", "1", "2"]);
    expect([...(numbers.labels ?? [])]).toEqual(left.map((i) => (i % 3 === 0 ? 0 : 1)));
    expect(numbers.problems.at(-1)).toMatchObject({ path: "2", kind: "empty-class" });
    // Also where the bytes are in a file of the cache.
    const cached = { ...options, memoryLimit: 0, cacheDir: emptyFolder() };
    for (let time = 0; time < 2; time++) {
      expect((await parquetDataset(at("lost-class.parquet"), cached)).classes).toEqual(names);
    }
  });

  it("are met by the loader where nobody has looked", async () => {
    const dataset = await parquetDataset(at("nulls.parquet"), { ...options, verify: "none" });
    expect(dataset.length).toBe(9);
    const loader = batches(dataset, {
      views: evalView({ size: 5, mean: [0, 0, 0], deviation: [1, 1, 1] }),
      batchSize: 9,
      shuffle: false,
      workers: 0,
      badImages: "leave-out",
      maximumBadShare: 0.5,
      onProblem: () => undefined,
    });
    const [batch] = await all(loader);
    expect([...(batch?.indices ?? [])]).toEqual([0, 1, 2, 3, 4, 5, 6, 8]);
    expect(loader.problems).toMatchObject([{ path: "nulls.parquet#10/10.png", kind: "not-an-image" }]);
  });

  it("are too many", async () => {
    await expect(parquetDataset(at("nulls.parquet"), { onProblem: () => undefined })).rejects.toThrow(
      /nulls\.parquet: expected at most 10\.0 % .* got 4 of 12/,
    );
  });
});

describe("wrong files", () => {
  test.each([
    ["texts", {}, /texts\.parquet: expected one column of images .* got the columns image \(STRING\), label/],
    ["lists", {}, /lists\.parquet: expected one column of images .* got the columns image \(LIST\), label/],
    ["numbers", {}, /numbers\.parquet: expected one column of images/],
    ["no-rows", {}, /no-rows\.parquet: expected images, got a table without rows/],
    ["snappy", { image: "picture" }, /expected a column "picture" of bytes/],
    ["snappy", { label: "image" }, /expected a column "image" of whole numbers or texts/],
    [
      "label-missing",
      {},
      /label-missing\.parquet#1\/1\.png: expected a label as other images have, got none/,
    ],
    ["label-beyond", {}, /label-beyond\.parquet#2\/2\.png: expected a label from 0 to 2, got 3/],
    [
      "snappy",
      { classNames: ["owl", "dog", "cat"] },
      /expected the classes owl, dog, cat, got cat, dog, owl/,
    ],
    ["plain", { classNames: ["owl", "dog"] }, /plain\.parquet#0: expected a label among owl, dog, got "cat"/],
  ])("%s %j", async (name, options, says) => {
    await expect(parquetDataset(at(`${name}.parquet`), options)).rejects.toThrow(says);
  });

  it("are not there, or are another thing", async () => {
    const path = emptyFolder();
    await expect(parquetDataset(join(path, "no.parquet"))).rejects.toMatchObject({ code: "missing-file" });
    await expect(parquetDataset(path)).rejects.toThrow(
      /expected Parquet files \(\.parquet\) in it, got none/,
    );
    writeFileSync(join(path, "page.parquet"), "<!doctype html>not a table at all");
    await expect(parquetDataset(path)).rejects.toThrow(/page\.parquet: .* does not begin with PAR1/);
    expect(await findParquet(join(path, "nowhere"))).toBeUndefined();
  });

  it("of other classes do not go together", async () => {
    const paths = [at("snappy.parquet"), at("plain.parquet")];
    await expect(parquetDataset(paths)).rejects.toThrow(/plain\.parquet: expected the classes of /);
  });

  it("that are cut off or changed anywhere give a SitError or images", { timeout: 60_000 }, async () => {
    const path = emptyFolder();
    for (const name of ["snappy", "zstd"]) {
      const whole = readFileSync(at(`${name}.parquet`));
      const file = join(path, "damaged.parquet");
      const open = async (bytes: Uint8Array) => {
        writeFileSync(file, bytes);
        return await parquetDataset(file, { verify: "none", onProblem: () => undefined }).catch(
          (error: unknown) => error,
        );
      };
      const lengths = Array.from({ length: 40 }, (_, i) => Math.floor((i * whole.length) / 40));
      for (const length of [...lengths, whole.length - 1]) {
        const error = await open(whole.subarray(0, length));
        expect(error, `${length} bytes`).toBeInstanceOf(SitError);
        expect(error).toMatchObject({
          code: "bad-file",
          message: expect.stringContaining("damaged.parquet"),
        });
      }
      for (let place = 3; place < whole.length; place += 61) {
        const changed = Uint8Array.from(whole);
        changed[place] = (changed[place] as number) ^ (1 << (place % 8));
        const result = await open(changed);
        if (result instanceof Error) expect(result, `byte ${place}`).toBeInstanceOf(SitError);
      }
    }
  });
});

describe("findParquet", () => {
  it("knows files, folders and how they are named", async () => {
    const path = emptyFolder();
    const put = (...name: string[]) => {
      mkdirSync(join(path, ...name.slice(0, -1)), { recursive: true });
      cpSync(at("unlabelled.parquet"), join(path, ...name));
    };
    const found = async (...name: string[]) => {
      const splits = await findParquet(join(path, ...name));
      const list = (files: readonly string[] = []) => files.map((file) => file.slice(path.length + 1));
      return splits && { train: list(splits.train), test: list(splits.test) };
    };
    put("one.parquet");
    expect(await found("one.parquet")).toEqual({ train: ["one.parquet"], test: [] });
    put("hub", "data", "train-00000-of-00001.parquet");
    put("hub", "data", "validation-00000-of-00001.parquet");
    expect(await found("hub")).toEqual({
      train: ["hub/data/train-00000-of-00001.parquet"],
      test: ["hub/data/validation-00000-of-00001.parquet"],
    });
    put("folders", "train", "0000.parquet");
    put("folders", "test", "0000.parquet");
    expect(await found("folders")).toEqual({
      train: ["folders/train/0000.parquet"],
      test: ["folders/test/0000.parquet"],
    });
    put("others", "b.parquet");
    put("others", "a.parquet");
    expect(await found("others")).toEqual({ train: ["others/a.parquet", "others/b.parquet"], test: [] });
    mkdirSync(join(path, "photos", "train"), { recursive: true });
    expect(await found("photos")).toBeUndefined();
  });
});
