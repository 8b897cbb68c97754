import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { parseMat } from "./read.js";
import type { MatValue } from "./values.js";

const fixture = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../../../../fixtures/mat/${name}`, import.meta.url)));
const expected: Record<string, unknown> = JSON.parse(fixture("expected.json").toString());

/** As JSON has it. */
function plain(value: MatValue): unknown {
  if (value.kind === "numbers") return { ...value, data: [...value.data] };
  if (value.kind === "cells") return { ...value, cells: value.cells.map(plain) };
  if (value.kind === "text") return value;
  const fields = [...value.fields].map(([name, column]) => [name, column.map(plain)]);
  return { ...value, fields: Object.fromEntries(fields) };
}

/** Writes elements by hand, in either order of bytes. */
function writer(little: boolean) {
  const element = (type: number, data: Uint8Array) => {
    const bytes = Buffer.alloc(8 + Math.ceil(data.length / 8) * 8);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    view.setUint32(0, type, little);
    view.setUint32(4, data.length, little);
    bytes.set(data, 8);
    return bytes;
  };
  const words = (...values: number[]) => {
    const bytes = Buffer.alloc(4 * values.length);
    for (const [i, value] of values.entries()) {
      if (little) bytes.writeInt32LE(value, 4 * i);
      else bytes.writeInt32BE(value, 4 * i);
    }
    return bytes;
  };
  const matrix = (kind: number, shape: number[], name: string, ...content: Buffer[]) => {
    const head = [element(6, words(kind, 0)), element(5, words(...shape)), element(1, Buffer.from(name))];
    return element(14, Buffer.concat([...head, ...content]));
  };
  const file = (...elements: Buffer[]) => {
    const header = Buffer.alloc(128, " ");
    header.set(little ? [0, 1, 73, 77] : [1, 0, 77, 73], 124);
    return Buffer.concat([header, ...elements]);
  };
  return { element, words, matrix, file };
}

const little = writer(true);
const big = writer(false);
const one = little.matrix(6, [1, 1], "a", little.element(2, Buffer.of(7)));

describe("a MAT-file", () => {
  it.each(["values.mat", "compressed.mat"])("is read as SciPy reads what it wrote: %s", (name) => {
    const found = parseMat(fixture(name));
    expect(Object.fromEntries([...found].map(([key, value]) => [key, plain(value)]))).toEqual(expected);
  });

  it("is read with its bytes in the other order, UTF-16 and a tag of eight bytes", () => {
    const text = Buffer.from("né", "utf16le").swap16();
    // Two bytes of data in the tag: their number above the type.
    const small = Buffer.concat([big.words((2 << 16) | 3), Buffer.of(0xff, 0xfe, 0, 0)]);
    const file = big.file(
      big.matrix(4, [1, 2], "text", big.element(17, text)),
      big.matrix(6, [1, 1], "minus_two", small),
    );
    const found = parseMat(file);
    expect(found.get("text")).toEqual({ kind: "text", shape: [1, 2], rows: ["né"] });
    expect(found.get("minus_two")).toEqual({ kind: "numbers", shape: [1, 1], data: Float64Array.of(-2) });
  });

  it("passes over variables that are not wanted, whatever they are", () => {
    const sparse = little.matrix(5, [1, 1], "s");
    const object = little.element(14, little.element(6, little.words(3, 0)));
    const file = little.file(sparse, object, one);
    expect([...parseMat(file, { wanted: ["a", "b"] }).keys()]).toEqual(["a"]);
    expect(() => parseMat(file)).toThrow(/^mat file: byte 136: expected a full array, got a sparse one$/);
  });

  it.each<[string, Buffer, RegExp]>([
    ["nothing", Buffer.alloc(0), /expected a MAT-file of level 5, got a file of 0 bytes/],
    ["another file", Buffer.alloc(500, "x"), /got a file without its mark at byte 126/],
    [
      "HDF5",
      Buffer.concat([Buffer.alloc(124), Buffer.of(0, 2, 73, 77)]),
      /got one of version 7\.3, which is HDF5/,
    ],
    [
      "a cut-off variable",
      little.file(one).subarray(0, -9),
      /byte 128: expected a variable of at most \d+ bytes/,
    ],
    [
      "half a tag",
      little.file(one, Buffer.alloc(3)),
      /expected a variable, with a tag of 8 bytes, got 3 bytes/,
    ],
    ["a variable twice", little.file(one, one), /expected each variable once, got "a" again/],
    ["no variable", little.file(little.element(2, Buffer.of(1))), /expected a variable .* got data type 2$/],
    [
      "more numbers than there are",
      little.file(little.matrix(6, [3, 3], "a", little.element(2, Buffer.alloc(8)))),
      /expected 9 numbers of shape \[3, 3\], got 8$/,
    ],
    [
      "sizes that overflow",
      little.file(little.matrix(1, [2 ** 30, 2 ** 30], "a")),
      /expected 2 to 32 sizes of an array, of at most 2\^31 elements, got \[1073741824, 1073741824\]/,
    ],
    ["a negative size", little.file(little.matrix(1, [-1, 1], "a")), /got \[-1, 1\]/],
    [
      "cells without room",
      little.file(little.matrix(1, [2 ** 30, 1], "a")),
      /1073741824 values, got room for 0/,
    ],
    [
      "names of fields of no length",
      little.file(
        little.matrix(
          2,
          [1, 1],
          "a",
          little.element(5, little.words(0)),
          little.element(1, Buffer.from("x")),
        ),
      ),
      /expected names of fields of 0 bytes each, got 1 bytes/,
    ],
    [
      "cut-off zlib data",
      little.file(little.element(15, deflateSync(one).subarray(0, -6)).subarray(0, -8)),
      /byte 128: expected a variable of at most|whole zlib data/,
    ],
    ["bytes that are no zlib data", little.file(little.element(15, Buffer.alloc(64, 1))), /whole zlib data/],
    [
      "complex numbers",
      little.file(little.matrix(0x806, [1, 1], "a")),
      /expected real numbers, got complex ones/,
    ],
    [
      "too many values inside each other",
      little.file(
        Array.from({ length: 40 }).reduce<Buffer>((inner) => little.matrix(1, [1, 1], "a", inner), one),
      ),
      /expected at most 32 values inside each other, got more/,
    ],
  ])("is refused with %s", (_, bytes, message) => {
    const read = () => parseMat(bytes, { name: "some.mat" });
    expect(read).toThrow(message);
    expect(read).toThrow(expect.objectContaining({ code: "bad-file" }));
    expect(read).toThrow(/^some\.mat: /);
  });

  it("is refused where its compressed variables hold too much, all together", () => {
    const bytes = fixture("compressed.mat");
    expect(parseMat(bytes, { maximumBytes: 10_000 }).size).toBe(Object.keys(expected).length);
    expect(() => parseMat(bytes, { maximumBytes: 500 })).toThrow(
      /expected whole zlib data of at most \d+ bytes, got /,
    );
  });

  it("is refused or read, and nothing else, wherever it is cut off", () => {
    for (const name of ["values.mat", "compressed.mat"]) {
      const bytes = fixture(name);
      for (let end = 0; end < bytes.length; end += 19) {
        try {
          expect(parseMat(bytes.subarray(0, end)).size).toBeLessThan(Object.keys(expected).length);
        } catch (error) {
          expect(error).toMatchObject({ code: "bad-file" });
        }
      }
    }
  });
});
