import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { randomStream } from "@sitjs/core/random";
import { describe, expect, it } from "vitest";
import { scratchFolder } from "../test/scratch.js";
import { formatIdx, parseIdx } from "./idx.js";
import { idxDataset } from "./idx-dataset.js";

const folder = scratchFolder();

describe("parseIdx", () => {
  it("reads the bytes that the format's description gives", () => {
    // Magic 0x00000803, sizes 2, 1, 3 big endian, then the values row by row.
    const bytes = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255);
    expect(parseIdx(bytes)).toEqual({ shape: [2, 1, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 255) });
  });

  it("reads back whatever was written, at any offset of a larger buffer", () => {
    const rng = randomStream(1, "idx");
    for (let round = 0; round < 50; round++) {
      const shape = Array.from({ length: rng.integer(1, 5) }, () => rng.integer(0, 6));
      const size = shape.reduce((product, n) => product * n, 1);
      const data = Uint8Array.from({ length: size }, () => rng.integer(0, 256));
      const written = formatIdx({ shape, data });
      const larger = new Uint8Array(written.length + 7);
      larger.set(written, 5);
      expect(parseIdx(larger.subarray(5, 5 + written.length))).toEqual({ shape, data });
    }
  });

  const whole = formatIdx({ shape: [2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6) });
  const changed = (at: number, value: number) => {
    const copy = whole.slice();
    copy[at] = value;
    return copy;
  };
  it.each([
    ["nothing", new Uint8Array(0), /at least 4 bytes.*file of 0/],
    ["a cut-off header", whole.subarray(0, 9), /header of 12 bytes for 2 dimensions/],
    ["cut-off data", whole.subarray(0, -1), /6 bytes of data for the shape \[2, 3\], got 5/],
    ["bytes after the end", Uint8Array.from([...whole, 0]), /6 bytes of data.*got 7/],
    ["no zero bytes first", changed(0, 1), /two zero bytes, got 0x01000802/],
    ["another type", changed(2, 0x0d), /type 0x08\), got type 0x0d/],
    ["no dimensions", changed(3, 0), /1 to 4 dimensions, got 0/],
    ["too many dimensions", changed(3, 200), /1 to 4 dimensions, got 200/],
    ["a size that no file has", changed(4, 255), /for the shape \[4278190082, 3\]/],
    ["gzip", gzipSync(whole), /got a gzip file/],
    ["text", Buffer.from("<!DOCTYPE html>"), /two zero bytes/],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => parseIdx(bytes, "some.idx")).toThrow(message);
    expect(() => parseIdx(bytes, "some.idx")).toThrow(/^some\.idx: expected/);
  });

  it("refuses to write a shape that does not fit", () => {
    expect(() => formatIdx({ shape: [2, 2], data: new Uint8Array(3) })).toThrow(/product of 3, got \[2,2\]/);
  });
});

describe("idxDataset", () => {
  const write = (name: string, bytes: Uint8Array) => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  const images = write(
    "images",
    formatIdx({ shape: [3, 2, 2], data: Uint8Array.from({ length: 12 }, (_, i) => i) }),
  );

  it("takes plain and gzipped files", async () => {
    const labels = write("labels.gz", gzipSync(formatIdx({ shape: [3], data: Uint8Array.of(1, 0, 1) })));
    const dataset = await idxDataset({ images, labels, classes: ["a", "b"] });
    expect(dataset).toMatchObject({ length: 3, channels: 1, classes: ["a", "b"] });
    expect(dataset.labels).toEqual(Int32Array.of(1, 0, 1));
    expect(await dataset.image(2)).toEqual({
      data: Uint8Array.of(8, 9, 10, 11),
      width: 2,
      height: 2,
      channels: 1,
    });
  });

  it.each([
    [
      "fewer labels than images",
      { shape: [2], data: Uint8Array.of(0, 1) },
      /expected \[3\] labels, got \[2\]/,
    ],
    [
      "labels of no class",
      { shape: [3], data: Uint8Array.of(0, 2, 1) },
      /labels\[1\] of idx: expected 0 to 1.*got 2/,
    ],
  ])("refuses %s", async (_, content, message) => {
    const labels = write("bad-labels", formatIdx(content));
    await expect(idxDataset({ images, labels, classes: ["a", "b"] })).rejects.toThrow(message);
  });

  it("refuses labels given as images, a cut-off gzip file, and no file, naming each", async () => {
    const flat = write("flat", formatIdx({ shape: [3], data: new Uint8Array(3) }));
    await expect(idxDataset({ images: flat })).rejects.toMatchObject({ code: "bad-file" });
    const cut = write("cut.gz", gzipSync(new Uint8Array(1000)).subarray(0, 20));
    await expect(idxDataset({ images: cut })).rejects.toThrow(/cut\.gz: expected a whole gzip file/);
    const none = join(folder, "none");
    await expect(idxDataset({ images: none })).rejects.toMatchObject({ code: "missing-file" });
  });
});
