import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type BadFile, badFiles, type ReadableFile, readableFiles } from "../test/image-zoo.js";
import { scratchFolder } from "../test/scratch.js";
import { decodeFile, verifyImage } from "./decode.js";
import { readEncoded } from "./encoded.js";
import {
  annotatedImages,
  type EncodedStorage,
  type FolderProblem,
  ImageError,
  imageFolder,
} from "./index.js";
import { readImage } from "./reader.js";

const scratch = scratchFolder();
const good = join(scratch, "good");
const bad = join(scratch, "bad");
let readable: readonly ReadableFile[];
let broken: readonly BadFile[];
beforeAll(async () => {
  readable = await readableFiles();
  broken = await badFiles();
  mkdirSync(good);
  mkdirSync(bad);
  for (const { name, bytes } of readable) writeFileSync(join(good, name), bytes);
  for (const { name, bytes } of broken) writeFileSync(join(bad, name), bytes);
  writeFileSync(join(bad, "readable.png"), (readable[0] as ReadableFile).bytes);
});

describe("files that are read", () => {
  it("all of them, with nothing left out", async () => {
    const dataset = await imageFolder(good, { maximumBadShare: 0 });
    expect(dataset.problems).toEqual([]);
    expect(dataset.length).toBe(readable.length);
  });

  it("with the pixels they were made of", async () => {
    for (const { name, size, quarters, tolerance } of readable) {
      const image = await decodeFile(join(good, name), { channels: 3 });
      const [width, height] = [image.width, image.height];
      expect([name, width, height, image.data.length]).toEqual([name, ...size, 3 * size[0] * size[1]]);
      const found = [0.25, 0.75].flatMap((y) =>
        [0.25, 0.75].map((x) => {
          const at = 3 * (Math.floor(y * height) * width + Math.floor(x * width));
          return [...image.data.subarray(at, at + 3)];
        }),
      );
      const differences = found.flat().map((value, i) => Math.abs(value - (quarters.flat()[i] as number)));
      expect(Math.max(...differences), `${name}: ${JSON.stringify(found)}`).toBeLessThanOrEqual(tolerance);
    }
  });
});

describe("files of other programs", () => {
  const fixtures = new URL("../../../fixtures/images/", import.meta.url);
  const { images } = JSON.parse(readFileSync(new URL("expected.json", fixtures), "utf8")) as {
    images: Record<string, { width: number; height: number; rgb: string }>;
  };

  // 4:4:4 JPEGs differ by the rounding of their inverse transform, alpha by the rounding of its product.
  it.each(Object.entries(images))("decodes %s to the pixels that Pillow decodes", async (name, expected) => {
    const image = await decodeFile(new URL(name, fixtures).pathname, { channels: 3 });
    expect([image.width, image.height]).toEqual([expected.width, expected.height]);
    const pixels = Buffer.from(expected.rgb, "base64");
    expect(pixels.length).toBe(image.data.length);
    const largest = pixels.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - (image.data[i] as number))),
      0,
    );
    expect(largest).toBeLessThanOrEqual(name.endsWith(".jpg") ? 3 : name.includes("alpha") ? 1 : 0);
  });

  it("reads the inverted CMYK of Adobe's programs the right way round", async () => {
    const { data } = await decodeFile(new URL("cmyk.jpg", fixtures).pathname, { channels: 3 });
    const at = (x: number, y: number) => [...data.subarray(3 * (16 * y + x), 3 * (16 * y + x) + 3)];
    const [red, green, blue, white] = [at(5, 3), at(12, 2), at(3, 9), at(12, 9)] as number[][];
    // Inks are no light: each colour is far from pure, but must have its own channel as the largest.
    for (const [colour, channel] of [
      [red, 0],
      [green, 1],
      [blue, 2],
    ] as [number[], number][]) {
      const others = colour.filter((_, i) => i !== channel);
      expect((colour[channel] as number) - Math.max(...others), JSON.stringify(colour)).toBeGreaterThan(80);
    }
    expect(Math.min(...(white as number[]))).toBeGreaterThan(250);
    expect(Math.max(...at(0, 0))).toBeLessThan(60);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "shrinks a picture of orientation %i after turning it",
    async (orientation) => {
      const path = new URL(`orientation-${orientation}.jpg`, fixtures).pathname;
      const { width, height } = await decodeFile(path, { channels: 3, shorterSide: 6 });
      expect([width, height]).toEqual(orientation < 5 ? [8, 6] : [6, 8]);
    },
  );
});

describe("files that are left out", () => {
  it("each with its kind and its reason in words", { timeout: 20_000 }, async () => {
    const told: FolderProblem[] = [];
    const dataset = await imageFolder(bad, {
      maximumBadShare: 1,
      onProblem: (problem) => told.push(problem),
    });
    expect(dataset.length).toBe(1);
    const expected = broken.map(({ name, kind, reason }) => ({ path: name, kind, reason }));
    expect(told).toEqual(expected.sort((a, b) => (a.path < b.path ? -1 : 1)));
  });

  it("with the same words when they turn up later, without filling the memory", {
    timeout: 20_000,
  }, async () => {
    const before = process.resourceUsage().maxRSS;
    for (const { name, kind, reason } of broken) {
      if (name.startsWith("by-ending")) continue;
      const error = await decodeFile(join(bad, name), { channels: 3 }).catch((failure: unknown) => failure);
      expect(error).toBeInstanceOf(ImageError);
      expect(error).toMatchObject({ code: "bad-file", kind, reason });
      expect((error as ImageError).message).toBe(
        `${join(bad, name)}: expected a readable image, got: ${reason}`,
      );
    }
    // In kB. The pixels that these files claim would take more than a gigabyte.
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(150_000);
  });
});

describe("the same files by other ways", () => {
  it("that annotations name: read, or left out for the same reasons", { timeout: 20_000 }, async () => {
    const named = (files: readonly { readonly name: string }[]) => ({
      classes: ["cat"],
      samples: files.map(({ name }) => ({ file: name, labels: [0] })),
    });
    const read = await annotatedImages(good, named(readable), { maximumBadShare: 0 });
    expect(read.problems).toEqual([]);
    const some = await annotatedImages(bad, named([...broken, { name: "readable.png" }]), {
      maximumBadShare: 1,
      onProblem: () => undefined,
    });
    expect(some.length).toBe(1);
    const expected = broken.map(({ name, kind, reason }) => ({ path: name, kind, reason }));
    expect(some.problems).toEqual(expected.sort((a, b) => (a.path < b.path ? -1 : 1)));
  });

  it("in the cells of a table: the same pixels, or the same kind of fault", { timeout: 20_000 }, async () => {
    // A cell has no ending that could tell, and an empty one is left out before it is looked at.
    const faulty = broken.filter(({ name, bytes }) => bytes.length > 0 && !name.startsWith("by-ending"));
    const storage = cells([...readable, ...faulty]);
    for (const [i, { name }] of readable.entries()) {
      const image = await readImage(storage, i);
      const expected = await decodeFile(join(good, name), { channels: 3 });
      expect([name, image.width, image.height]).toEqual([name, expected.width, expected.height]);
      expect(Buffer.compare(Buffer.from(image.data), Buffer.from(expected.data)), name).toBe(0);
    }
    for (const [i, { name, kind, reason }] of faulty.entries()) {
      const check = verifyImage(name, readEncoded(storage, readable.length + i), "full");
      await expect(check, name).rejects.toMatchObject({ kind, reason });
    }
  });

  /** Files one after the other in memory, as those of a table. */
  function cells(files: readonly { readonly name: string; readonly bytes: Buffer }[]): EncodedStorage {
    const bytes = new SharedArrayBuffer(files.reduce((sum, file) => sum + file.bytes.length, 0));
    let end = 0;
    const ranges = files.flatMap((file) => {
      new Uint8Array(bytes, end).set(file.bytes);
      end += file.bytes.length;
      return [end - file.bytes.length, file.bytes.length];
    });
    const names = files.map(({ name }) => name);
    const decoding = { channels: 3, shorterSide: undefined } as const;
    return { kind: "encoded", bytes, ranges: Float64Array.from(ranges), names, ...decoding };
  }
});
