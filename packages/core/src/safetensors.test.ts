import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { SitError } from "./errors.js";
import {
  paramsFromSafetensors,
  paramsToSafetensors,
  readSafetensors,
  readSafetensorsHeader,
  writeSafetensors,
} from "./index.js";
import type { SafetensorsFile } from "./safetensors.js";

const file: SafetensorsFile = {
  tensors: {
    "bytes.odd": { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 255) },
    weight: {
      dtype: "F32",
      shape: [2, 2],
      data: Float32Array.of(0.5, -0, Number.NaN, Number.POSITIVE_INFINITY),
    },
    scalar: { dtype: "I32", shape: [], data: Int32Array.of(-7) },
    empty: { dtype: "F32", shape: [0, 4], data: new Float32Array(0) },
    double: { dtype: "F64", shape: [1], data: Float64Array.of(Math.PI) },
    long: { dtype: "I64", shape: [1, 1], data: BigInt64Array.of(-(2n ** 40n)) },
    ["__proto__"]: { dtype: "U8", shape: [1], data: Uint8Array.of(9) },
  },
  metadata: { format: "pt", note: "ünïcode ✓" },
};

/** A file from any header, with `data` bytes of data. */
function rawFile(header: unknown, data = 0): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

describe("safetensors", () => {
  it("reads back what it writes, bit by bit", () => {
    const { tensors, metadata } = readSafetensors(writeSafetensors(file));
    expect({ ...metadata }).toEqual(file.metadata);
    expect(Object.keys(tensors).sort()).toEqual(Object.keys(file.tensors).sort());
    for (const [name, entry] of Object.entries(file.tensors)) {
      expect(tensors[name], name).toEqual(entry);
    }
    expect(Object.is(tensors.weight?.data[1], -0)).toBe(true);
  });

  it("starts every tensor on a multiple of its element size", () => {
    const bytes = writeSafetensors(file);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    const { __metadata__, ...header } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    const sizes: Record<string, number> = { F64: 8, I64: 8, F32: 4, I32: 4, U8: 1 };
    for (const { dtype, data_offsets } of Object.values<{ dtype: string; data_offsets: number[] }>(header)) {
      expect(Number(data_offsets[0]) % Number(sizes[dtype])).toBe(0);
    }
    expect(__metadata__).toEqual(file.metadata);
  });

  it("owns its data, read out of a plain array, out of the middle of one, or out of a Node Buffer", () => {
    const bytes = writeSafetensors(file);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    const ofNode = "Buffer" in globalThis ? [Buffer.from(bytes)] : [];
    for (const source of [bytes, shifted.subarray(3), ...ofNode]) {
      const { tensors } = readSafetensors(source);
      source.fill(0);
      expect(tensors["bytes.odd"]?.data).toEqual(Uint8Array.of(1, 2, 255));
      expect(tensors.double?.data[0]).toBe(Math.PI);
      bytes.set(writeSafetensors(file));
    }
  });

  const entry = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
  it.each<[string, Uint8Array, RegExp]>([
    ["no bytes", new Uint8Array(0), /expected at least 8 bytes, got 0/],
    ["a header beyond the end", rawFile("{}").subarray(0, 9), /expected a header of 2 bytes/],
    ["a header of 2^63 bytes", new Uint8Array(16).fill(255, 0, 8), /expected a header of/],
    [
      "a header beyond 100 MB",
      Uint8Array.of(1, 0xe1, 0xf5, 5, 0, 0, 0, 0, 0x7b),
      /at most 100000000 bytes, got a length of 100000001/,
    ],
    ["an empty header", rawFile(""), /begins with \{, got an empty one/],
    ["no JSON", rawFile("{"), /expected JSON/],
    ["broken UTF-8", Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xfe), /expected UTF-8/],
    ["a list for a header", rawFile([]), /begins with \{, got one that begins with byte 0x5b/],
    ["space before the header", rawFile(" {}"), /begins with \{, got .* 0x20/],
    ["data behind the tensors", rawFile({ w: entry }, 9), /expected 8 bytes of data for the tensors, got 9/],
    ["data without tensors", rawFile({}, 1), /expected 0 bytes of data for the tensors, got 1/],
    [
      "a hole before",
      rawFile({ w: { ...entry, data_offsets: [4, 12] } }, 12),
      /w: expected data from 0 on.* a hole, from 4/,
    ],
    [
      "a hole between",
      rawFile({ v: entry, w: { ...entry, data_offsets: [9, 17] } }, 17),
      /w: .* from 8 on.* a hole/,
    ],
    [
      "an overlap",
      rawFile({ v: entry, w: { ...entry, data_offsets: [4, 12] } }, 12),
      /w: .* an overlap, from 4 on/,
    ],
    ["the same data twice", rawFile({ v: entry, w: entry }, 8), /an overlap/],
    [
      "a name twice",
      rawFile(`{"w":${JSON.stringify(entry)},"\\u0077":${JSON.stringify(entry)}}`, 8),
      /each key of an object once, got "w" twice/,
    ],
    [
      "a field twice",
      rawFile('{"w":{"dtype":"U8","dtype":"I8","shape":[0],"data_offsets":[0,0]}}'),
      /"dtype" twice/,
    ],
    ["half a character in a name", rawFile('{"\\ud800":{}}'), /whole Unicode characters/],
    [
      "a number in the metadata",
      rawFile({ __metadata__: { step: 1 } }),
      /a text for step of __metadata__, got 1/,
    ],
    ["a list of metadata", rawFile({ __metadata__: ["a"] }), /__metadata__ to be an object/],
    [
      "more values than can be counted",
      rawFile({ w: { ...entry, shape: [2 ** 52, 4] } }, 8),
      /w: expected a countable/,
    ],
    [
      "more values than can be counted beside a side of 0",
      rawFile({ w: { dtype: "F32", shape: [2 ** 52, 4, 0], data_offsets: [0, 0] } }),
      /w: expected a countable/,
    ],
    [
      "minus zero for a side",
      rawFile('{"w":{"dtype":"U8","shape":[-0],"data_offsets":[0,0]}}'),
      /w: expected a shape/,
    ],
    ["metadata that is text", rawFile({ __metadata__: "x" }), /__metadata__/],
    ["null for a tensor", rawFile({ w: null }), /w: expected dtype/],
    ["an unknown dtype", rawFile({ w: { ...entry, dtype: "F4" } }, 8), /w: expected dtype .* got "F4"/],
    ["a dtype of Object's", rawFile({ w: { ...entry, dtype: "toString" } }, 8), /w: expected dtype/],
    ["a negative side", rawFile({ w: { ...entry, shape: [-2] } }, 8), /w: expected a shape/],
    ["half a side", rawFile({ w: { ...entry, shape: [0.5] } }, 8), /w: expected a shape/],
    ["no offsets", rawFile({ w: { dtype: "F32", shape: [2] } }, 8), /w: expected two data_offsets/],
    ["three offsets", rawFile({ w: { ...entry, data_offsets: [0, 4, 8] } }, 8), /two data_offsets/],
    ["offsets backwards", rawFile({ w: { ...entry, data_offsets: [8, 0] } }, 8), /w: expected 8 bytes/],
    ["data beyond the end", rawFile({ w: entry }, 7), /w: expected data up to 8, got 7 bytes of data/],
    ["too little data for the shape", rawFile({ w: { ...entry, shape: [3] } }, 8), /w: expected 12 bytes/],
  ])("refuses %s with a SitError that names the file", (_, bytes, message) => {
    const read = () => readSafetensors(bytes, "model.safetensors");
    expect(read).toThrow(SitError);
    expect(read).toThrow(message);
    expect(read).toThrow(/^model\.safetensors: /);
  });

  it("refuses to write what could not be read", () => {
    const write = (name: string, shape: number[]) => () =>
      writeSafetensors({
        tensors: { [name]: { dtype: "F32", shape, data: new Float32Array(2) } },
        metadata: {},
      });
    expect(write("w", [2])).not.toThrow();
    expect(write("w", [3])).toThrow(/w: expected 3 values of F32/);
    expect(write("w", [-1, -2])).toThrow(/w: expected a countable number/);
    expect(write("__metadata__", [2])).toThrow(SitError);
    expect(write("\ud800", [2])).toThrow(SitError);
    const metadata = { step: 12 as unknown as string };
    expect(() => writeSafetensors({ tensors: {}, metadata })).toThrow(/metadata step: .* got number/);
  });

  it("tells what a file holds without its data", () => {
    const bytes = writeSafetensors(file);
    const { tensors, metadata } = readSafetensorsHeader(bytes);
    expect({ ...metadata }).toEqual(file.metadata);
    for (const [name, { dtype, shape, data }] of Object.entries(file.tensors)) {
      expect(tensors[name], name).toMatchObject({ dtype, shape });
      const { begin = 0, end = 0 } = tensors[name] ?? {};
      expect(bytes.slice(begin, end)).toEqual(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  });

  it("finds nothing under names that every object has", () => {
    const { tensors, metadata } = readSafetensors(writeSafetensors({ tensors: {}, metadata: {} }));
    for (const name of ["constructor", "toString", "__proto__"]) {
      expect(tensors[name]).toBeUndefined();
      expect(metadata[name]).toBeUndefined();
    }
  });
});

describe("parameters as safetensors", () => {
  beforeAll(async () => {
    await tf.setBackend("cpu");
  });

  it("go out and come back with their dtypes and shapes", async () => {
    const params = {
      "a.weight": tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]),
      "a.num_batches_tracked": tf.scalar(12, "int32"),
      "a.scalar": tf.scalar(0.25),
    };
    const back = paramsFromSafetensors(await paramsToSafetensors(params, { step: "12" }));
    expect(Object.keys(back).sort()).toEqual(Object.keys(params).sort());
    for (const [name, tensor] of Object.entries(params)) {
      expect(back[name]?.dtype, name).toBe(tensor.dtype);
      expect(back[name]?.shape, name).toEqual(tensor.shape);
      expect(await back[name]?.data(), name).toEqual(await tensor.data());
    }
  });

  it("come from other dtypes as float32 and int32, and bool is refused", async () => {
    const { long, ...rest } = file.tensors;
    const tensors = {
      ...rest,
      long: { dtype: "I64", shape: [1, 1], data: BigInt64Array.of(-(2n ** 31n)) },
      half: { dtype: "F16", shape: [1], data: Uint16Array.of(0xc000) },
      brain: { dtype: "BF16", shape: [1], data: Uint16Array.of(0x3fc0) },
    } as const;
    const back = paramsFromSafetensors(writeSafetensors({ tensors, metadata: {} }));
    expect(await back.half?.data()).toEqual(Float32Array.of(-2));
    expect(await back.brain?.data()).toEqual(Float32Array.of(1.5));
    expect(await back.long?.data()).toEqual(Int32Array.of(-(2 ** 31)));
    expect([back.double?.dtype, back.long?.dtype, back["bytes.odd"]?.dtype]).toEqual([
      "float32",
      "int32",
      "int32",
    ]);
    expect(Number((await back.double?.data())?.[0])).toBeCloseTo(Math.PI, 6);
    await expect(paramsToSafetensors({ flag: tf.scalar(true, "bool") })).rejects.toThrow(/flag: .* got bool/);
  });

  it("refuse whole numbers beyond int32, and leave no tensor behind", () => {
    const before = tf.memory().numTensors;
    expect(() => paramsFromSafetensors(writeSafetensors(file), "big.safetensors")).toThrow(
      /^big\.safetensors: long: expected values that int32 holds, got -1099511627776 in I64/,
    );
    expect(tf.memory().numTensors).toBe(before);
  });
});
