import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { failure, scratchFolder } from "../../../../fixtures/own-folder.js";
import { sniff } from "../image-format.js";
import { checkThrift } from "./check-thrift.js";
import { checkValues } from "./check-values.js";
import { openTable } from "./table.js";
import { parseIndex } from "./unpacked-file.js";
import { readVarint } from "./varint.js";

const scratch = scratchFolder();
const bytes = (...values: number[]) => Uint8Array.from(values);
const viewOf = (...values: number[]) => new DataView(bytes(...values).buffer);

describe("what a table says of itself", () => {
  it("is walked to its end", () => {
    // A number in field 1, a text of two letters in field 2, a list of two structs in field 3, the end.
    const struct = [0x15, 0x80, 0x01, 0x18, 2, 97, 98, 0x19, 0x2c, 0, 0, 0];
    expect(checkThrift(viewOf(...struct, 9, 9), 0)).toBe(struct.length);
  });

  it.each([
    ["a list of 2^31 numbers", [0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 0x07]],
    ["a text of 2^31 letters", [0x18, 0xff, 0xff, 0xff, 0xff, 0x07]],
    ["a list of empty lists of any number", [0x19, 0xf9, 0xff, 0xff, 0xff, 0xff, 0x0f]],
  ])("is refused with %s in a few bytes", (_, struct) => {
    expect(() => checkThrift(viewOf(...struct), 0)).toThrow(/claim of \d+ bytes or members where \d+ bytes/);
  });

  it("is refused where structs lie in each other without end", () => {
    expect(() => checkThrift(viewOf(...Array(1000).fill(0x1c)), 0)).toThrow(/more than 24 deep/);
  });

  it("is refused as a file, by its name", async () => {
    const file = readFileSync("fixtures/parquet/plain.parquet");
    const footer = Uint8Array.of(0x19, 0xf5, 0xff, 0xff, 0xff, 0x07);
    const end = Buffer.from("\x06\0\0\0PAR1", "latin1");
    const path = join(scratch(), "claims.parquet");
    await writeFile(path, Buffer.concat([file.subarray(0, 200), footer, end]));
    const error = await failure(openTable(path));
    expect(error.code).toBe("bad-file");
    expect(error.message).toMatch(
      /claims.parquet: expected a Parquet file, got one whose footer cannot be read/,
    );
  });
});

describe("a page", () => {
  const required = [{ element: { name: "root" } }, { element: { name: "x", repetition_type: "REQUIRED" } }];
  const check = (encoding: string, ...page: number[]) => {
    const values = { count: 10, encoding, levels: undefined };
    checkValues(bytes(...page), values, required as never, { type: "INT32" } as never);
  };

  it("may have runs of as many values as it has", () => {
    check("RLE_DICTIONARY", 1, 20, 1); // ten times the same
    check("RLE_DICTIONARY", 1, 5, 0xff, 0xff); // two times eight of a bit each
  });

  it("is refused for a run of a thousand million values in a few bytes", () => {
    const run = [0x80, 0x80, 0x80, 0x80, 0x08, 1];
    expect(() => check("RLE_DICTIONARY", 1, ...run)).toThrow("a run of 1073741824 values where 10 are left");
    expect(() => check("RLE_DICTIONARY", 1, 0x81, 0x80, 0x80, 0x80, 0x08)).toThrow(
      /a run of \d+ values where 10/,
    );
  });

  it("is refused for blocks of differences that cannot be, and for shared beginnings of texts", () => {
    check("DELTA_BINARY_PACKED", 0x80, 1, 4, 10, 0);
    for (const head of [
      [0x80, 1, 0],
      [0, 4],
      [0xff, 0xff, 0xff, 0xff, 0x0f, 1],
    ])
      expect(() => check("DELTA_BINARY_PACKED", ...head)).toThrow(/differences in blocks/);
    expect(() => check("DELTA_BYTE_ARRAY", 0)).toThrow(/DELTA_BYTE_ARRAY, which is not read/);
  });

  it("has numbers of a few bytes", () => {
    expect(readVarint({ view: viewOf(0xac, 0x02), at: 0 }, 5)).toBe(300);
    expect(() => readVarint({ view: viewOf(...Array(6).fill(0x80)), at: 0 }, 5)).toThrow("more than 5 bytes");
  });
});

describe("the index of unpacked images", () => {
  const whole = {
    names: ["a", "b"],
    ranges: [0, 4, 4, 2],
    labels: [1, null],
    problems: [{ path: "c", kind: "empty", reason: "no bytes" }],
    problemLabels: ["boot"],
  };

  it("is taken where it fits its file", () => {
    expect(parseIndex(JSON.stringify(whole), 6)).toEqual(whole);
  });

  it.each([
    ["", 6],
    ["null", 6],
    ["{", 6],
    [JSON.stringify(whole), 5],
    [JSON.stringify({ ...whole, ranges: [0, 4] }), 6],
    [JSON.stringify({ ...whole, ranges: [0, 4, -1, 2] }), 6],
    [JSON.stringify({ ...whole, labels: [{}, 1] }), 6],
    [JSON.stringify({ ...whole, problems: [null] }), 6],
    [JSON.stringify({ ...whole, problemLabels: [] }), 6],
  ])("is passed over where it is damaged: %s, %i bytes", (text, size) => {
    expect(parseIndex(text, size)).toBe(undefined);
  });
});

it("a file of the two letters BM is no image", () => {
  for (const length of [2, 6, 9])
    expect(sniff(Buffer.from("BM0000000").subarray(0, length))).toMatchObject({ kind: "not-an-image" });
  expect(sniff(Buffer.from("BM0000\0\0\0\0"))).toMatchObject({ is: "a BMP image" });
});
