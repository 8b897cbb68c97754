import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scratchFolder } from "../../test/scratch.js";
import { type CifarKind, cifarDataset, formatCifar, parseCifar } from "./cifar.js";
import { parseStlImages, parseStlLabels, stlDataset } from "./stl.js";

const scratch = scratchFolder();
const fixture = (name: string) =>
  fileURLToPath(new URL(`../../../../fixtures/binary-images/${name}`, import.meta.url));
const write = (name: string, bytes: Uint8Array | string) => {
  writeFileSync(join(scratch, name), bytes);
  return join(scratch, name);
};

/** The images that the fixtures' `make.py` wrote, by its formula: [images, side, side, 3]. */
function images(count: number, side: number): Uint8Array {
  const pixels = new Uint8Array(count * side * side * 3);
  let at = 0;
  for (let i = 0; i < count; i++)
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++)
        for (let c = 0; c < 3; c++) pixels[at++] = 7 * y + 13 * x + 101 * c + 29 * i + y * x;
  return pixels;
}

const names = (count: number) => Array.from({ length: count }, (_, i) => `class ${i}`);

describe("CIFAR", () => {
  it("is read as numpy wrote it: one label, or a coarse and a fine one, and planes", () => {
    const ten = parseCifar(readFileSync(fixture("cifar-10.bin")), { kind: 10 });
    expect([...ten.labels]).toEqual([9, 0, 3]);
    expect(ten.coarseLabels).toBeUndefined();
    expect(Buffer.compare(ten.pixels, images(3, 32))).toBe(0);
    const hundred = parseCifar(readFileSync(fixture("cifar-100.bin")), { kind: 100 });
    expect([...hundred.labels]).toEqual([99, 4, 50]);
    expect([...(hundred.coarseLabels ?? [])]).toEqual([19, 0, 7]);
    expect(Buffer.compare(hundred.pixels, images(3, 32))).toBe(0);
  });

  it("is a dataset of several files, with names of the classes given or in a file", async () => {
    const file = fixture("cifar-10.bin");
    const classes = write("batches.meta.txt", `${names(10).join("\n")}\n\n`);
    const dataset = await cifarDataset({ kind: 10, files: [file, file], classes });
    expect(dataset).toMatchObject({ name: "cifar-10", length: 6, channels: 3, classes: names(10) });
    expect([...(dataset.labels ?? [])]).toEqual([9, 0, 3, 9, 0, 3]);
    const { data } = await dataset.image(4);
    expect(Buffer.compare(Buffer.from(data), images(3, 32).subarray(3072, 6144))).toBe(0);
    const coarse = await cifarDataset({
      kind: 100,
      files: [fixture("cifar-100.bin")],
      labels: "coarse",
      classes: names(20),
    });
    expect([...(coarse.labels ?? [])]).toEqual([19, 0, 7]);
  });

  it("is the same read in one piece or in several", async () => {
    // More than the 4 MiB that are read at once.
    const count = 1500;
    const bytes = Uint8Array.from({ length: count * 3073 }, (_, i) =>
      i % 3073 === 0 ? i % 10 : (i * i) % 251,
    );
    const dataset = await cifarDataset({ kind: 10, files: [write("many.bin", bytes)] });
    const whole = parseCifar(bytes, { kind: 10 });
    expect(dataset.labels).toEqual(Int32Array.from(whole.labels));
    const storage = dataset.storage as { pixels: SharedArrayBuffer };
    expect(Buffer.compare(new Uint8Array(storage.pixels), whole.pixels)).toBe(0);
  });

  it.each<[string, CifarKind, Uint8Array, RegExp]>([
    ["nothing", 10, new Uint8Array(0), /one or more records of CIFAR-10 of 3073 bytes, got 0 bytes/],
    ["a cut-off record", 10, new Uint8Array(3072), /records of CIFAR-10 of 3073 bytes, got 3072/],
    ["CIFAR-10 for CIFAR-100", 100, new Uint8Array(3073), /records of CIFAR-100 of 3074 bytes, got 3073/],
    ["a label of no class", 10, new Uint8Array(2 * 3073).fill(10, 3073), /record 1: .* from 0 to 9, got 10/],
    ["a coarse label of no class", 100, new Uint8Array(3074).fill(20, 0, 1), /record 0: .* 0 to 19, got 20/],
    ["a fine label of no class", 100, new Uint8Array(3074).fill(100, 1, 2), /record 0: .* 0 to 99, got 100/],
    ["gzip", 10, gzipSync(Buffer.from("x")), /got a gzip file \(unpack it first\)/],
  ])("refuses %s, as bytes and as a file", async (_, kind, bytes, message) => {
    expect(() => parseCifar(bytes, { kind, name: "some.bin" })).toThrow(message);
    expect(() => parseCifar(bytes, { kind, name: "some.bin" })).toThrow(/^some\.bin: /);
    const file = write("bad.bin", bytes);
    await expect(cifarDataset({ kind, files: [file] })).rejects.toMatchObject({ code: "bad-file" });
    await expect(cifarDataset({ kind, files: [file] })).rejects.toThrow(message);
  });

  it("is not written with labels that do not fit", () => {
    const one = { pixels: new Uint8Array(3072), labels: Uint8Array.of(9), coarseLabels: undefined };
    expect(formatCifar(one)).toHaveLength(3073);
    const bad = (changed: object, message: RegExp) =>
      expect(() => formatCifar({ ...one, ...changed })).toThrow(message);
    bad({ labels: Uint8Array.of(10) }, /^labels: expected labels from 0 to 9, got 10$/);
    bad({ labels: Uint8Array.of(1, 1) }, /^pixels: expected 2 x 32 x 32 x 3, got 3072$/);
    bad({ coarseLabels: Uint8Array.of(20) }, /^coarseLabels: expected labels from 0 to 19, got 20$/);
    bad({ coarseLabels: new Uint8Array(2) }, /^coarseLabels: expected a label for each of 1 images, got 2$/);
  });

  it("refuses options and names that do not fit", async () => {
    const files = [fixture("cifar-10.bin")];
    await expect(cifarDataset({ kind: 10, files: [] })).rejects.toThrow(/files: expected at least one path/);
    await expect(cifarDataset({ kind: 12 as 10, files })).rejects.toThrow(/kind: expected 10 or 100, got 12/);
    await expect(cifarDataset({ kind: 10, files, labels: "coarse" })).rejects.toMatchObject({
      code: "bad-option",
    });
    await expect(cifarDataset({ kind: 10, files, classes: names(9) })).rejects.toThrow(
      /classes: expected 10 names of classes, got 9/,
    );
    const twice = write("twice.txt", `${names(9).join("\r\n")}\r\nclass 0\r\n`);
    await expect(cifarDataset({ kind: 10, files, classes: twice })).rejects.toThrow(
      /twice\.txt: expected each name once, got "class 0" twice/,
    );
    const none = join(scratch, "none");
    await expect(cifarDataset({ kind: 10, files: [none] })).rejects.toMatchObject({ code: "missing-file" });
    await expect(cifarDataset({ kind: 10, files: [scratch] })).rejects.toThrow(
      /expected a file, got a folder/,
    );
  });
});

describe("STL-10", () => {
  it("is read as numpy wrote it: planes column by column, labels from 1", () => {
    const pixels = parseStlImages(readFileSync(fixture("stl-10-images.bin")));
    expect(Buffer.compare(pixels, images(2, 96))).toBe(0);
    expect([...parseStlLabels(readFileSync(fixture("stl-10-labels.bin")))]).toEqual([9, 0]);
  });

  it("is a dataset with labels and without", async () => {
    const stl = { images: fixture("stl-10-images.bin"), classes: names(10) };
    const labelled = await stlDataset({ ...stl, labels: fixture("stl-10-labels.bin") });
    expect(labelled).toMatchObject({ name: "stl-10", length: 2, channels: 3, classes: names(10) });
    expect(labelled.labels).toEqual(Int32Array.of(9, 0));
    const { data, width, height } = await labelled.image(1);
    expect([width, height]).toEqual([96, 96]);
    expect(Buffer.compare(Buffer.from(data), images(2, 96).subarray(96 * 96 * 3))).toBe(0);
    expect((await stlDataset({ images: stl.images })).labels).toBeUndefined();
  });

  it("reads several files one after the other", async () => {
    const both = fixture("stl-10-images.bin");
    const one = write("one.bin", readFileSync(both).subarray(96 * 96 * 3));
    const joined = await stlDataset({ images: [both, one] });
    expect(joined.length).toBe(3);
    const [first, second] = [0, 1].map((i) => images(2, 96).subarray(i * 96 * 96 * 3, (i + 1) * 96 * 96 * 3));
    for (const [i, pixels] of [first, second, second].entries()) {
      expect(Buffer.compare(Buffer.from((await joined.image(i)).data), pixels as Uint8Array)).toBe(0);
    }
  });

  it.each([
    ["a label of 0", Uint8Array.of(1, 0), /record 1: expected a label from 1 to 10, got 0/],
    ["a label of 11", Uint8Array.of(11, 1), /record 0: expected a label from 1 to 10, got 11/],
    ["no labels", new Uint8Array(0), /one or more labels/],
    ["fewer labels than images", Uint8Array.of(1), /one label for each of the 2 images in .*, got 1/],
  ])("refuses %s", async (_, bytes, message) => {
    const labels = write("labels.bin", bytes);
    const options = { images: fixture("stl-10-images.bin"), labels };
    await expect(stlDataset(options)).rejects.toThrow(message);
    await expect(stlDataset(options)).rejects.toMatchObject({ code: "bad-file" });
  });

  it("refuses cut-off images", async () => {
    const cut = write("cut.bin", readFileSync(fixture("stl-10-images.bin")));
    truncateSync(cut, 96 * 96 * 3 + 1);
    await expect(stlDataset({ images: cut })).rejects.toThrow(/images of STL-10 of 27648 bytes, got 27649/);
  });
});

describe("any binary images", () => {
  it("keep every pixel: planes put back from what was read are the file", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 50 }), fc.constantFrom(10, 100), (seed, kind) => {
        const labels = kind === 10 ? 1 : 2;
        const bytes = Uint8Array.from(
          { length: 2 * (3072 + labels) },
          (_, i) => (seed[i % seed.length] as number) ^ (i * 31),
        );
        for (let record = 0; record < 2; record++) {
          for (let i = 0; i < labels; i++) bytes[record * (3072 + labels) + i] = record + i;
        }
        const arrays = parseCifar(bytes, { kind: kind as CifarKind });
        const { pixels } = arrays;
        for (let record = 0; record < 2; record++) {
          const start = record * (3072 + labels) + labels;
          const planes = Uint8Array.from({ length: 3072 }, (_, i) => {
            const [channel, pixel] = [Math.floor(i / 1024), i % 1024];
            return pixels[record * 3072 + pixel * 3 + channel] as number;
          });
          expect(Buffer.compare(planes, bytes.subarray(start, start + 3072))).toBe(0);
        }
        expect(Buffer.compare(formatCifar(arrays), bytes)).toBe(0);
      }),
      { numRuns: 30 },
    );
  });
});
