import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { surviveDamage } from "../../../fixtures/damage.js";
import { bfloat16ToFloat32, float16ToFloat32 } from "./half.js";
import {
  readSafetensors,
  type SafetensorsEntry,
  type SafetensorsFile,
  writeSafetensors,
} from "./safetensors.js";
import { safetensorsTypes } from "./safetensors-header.js";

/** One tensor of any element type and shape, its bytes at random. */
const anyTensor: fc.Arbitrary<SafetensorsEntry> = fc
  .tuple(
    fc.constantFrom(...(Object.keys(safetensorsTypes) as (keyof typeof safetensorsTypes)[])),
    fc.array(fc.nat(4), { maxLength: 4 }),
    fc.infiniteStream(fc.nat(255)),
  )
  .map(([dtype, shape, values]) => {
    const Type = safetensorsTypes[dtype];
    const size = shape.reduce((product, side) => product * side, 1) * Type.BYTES_PER_ELEMENT;
    const bytes = Uint8Array.from({ length: size }, () => values.next().value as number);
    return { dtype, shape, data: new Type(bytes.buffer) } as SafetensorsEntry;
  });

const anyName = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom("__proto__", "constructor", "toString", "", "0", '"', "\\"),
);
/** An object with any name in it, `__proto__` too. */
const record = <T>(value: fc.Arbitrary<T>) =>
  fc
    .uniqueArray(fc.tuple(anyName, value), { selector: ([name]) => name, maxLength: 6 })
    .map((entries) => Object.fromEntries(entries) as Record<string, T>);

const bytesOf = ({ data }: SafetensorsEntry) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

describe("any safetensors file", () => {
  it("comes back as it was written, to the bit", () => {
    fc.assert(
      fc.property(record(anyTensor), record(fc.string({ unit: "binary" })), (tensors, metadata) => {
        const back = readSafetensors(writeSafetensors({ tensors, metadata }));
        expect(Object.entries(back.metadata)).toEqual(Object.entries(metadata));
        expect(Object.keys(back.tensors).sort()).toEqual(Object.keys(tensors).sort());
        for (const [name, entry] of Object.entries(tensors)) {
          const read = back.tensors[name] as SafetensorsEntry;
          expect([read.dtype, read.shape], name).toEqual([entry.dtype, entry.shape]);
          expect(bytesOf(read), name).toEqual(bytesOf(entry));
        }
      }),
      { numRuns: 200 },
    );
  });

  it("with any byte changed or cut off is refused as a bad file or holds what its header says", () => {
    const file: SafetensorsFile = {
      tensors: {
        w: { dtype: "F32", shape: [2, 1], data: Float32Array.of(1, 2) },
        empty: { dtype: "BF16", shape: [0], data: new Uint16Array(0) },
        n: { dtype: "I64", shape: [], data: BigInt64Array.of(-1n) },
      },
      metadata: { a: "b" },
    };
    const counts = surviveDamage({
      bytes: writeSafetensors(file),
      source: "some.safetensors",
      parse: (bytes) => readSafetensors(bytes, "some.safetensors"),
      check({ tensors }, bytes) {
        let total = 0;
        for (const { dtype, shape, data } of Object.values(tensors)) {
          expect(data).toBeInstanceOf(safetensorsTypes[dtype]);
          expect(data.length).toBe(shape.reduce((product, side) => product * side, 1));
          total += data.byteLength;
        }
        const header = Number(new DataView(bytes.buffer).getBigUint64(0, true));
        expect(total).toBe(bytes.length - 8 - header);
      },
    });
    // A changed value or name is still a file; a changed length, type or bracket is not.
    expect(counts.accepted).toBeGreaterThan(100);
    expect(counts.refused).toBeGreaterThan(1000);
  });
});

describe("16-bit floats", () => {
  it("of bfloat16 are sign, 8 bits of exponent and 7 of fraction", () => {
    const finite = Uint16Array.from({ length: 0x7f80 }, (_, bits) => bits);
    const values = bfloat16ToFloat32(finite);
    const negative = bfloat16ToFloat32(finite.map((bits) => bits | 0x8000));
    const wrong = [...finite].filter((bits) => {
      const [exponent, fraction] = [bits >> 7, bits & 0x7f];
      const value = exponent === 0 ? fraction * 2 ** -133 : (1 + fraction / 128) * 2 ** (exponent - 127);
      return values[bits] !== value || negative[bits] !== -value;
    });
    expect(wrong).toEqual([]);
    expect([...bfloat16ToFloat32(Uint16Array.of(0x7f80, 0xff80, 0x7fc0))]).toEqual([
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
    ]);
  });

  it("of binary16 grow with their bits, by the steps of the format", () => {
    const finite = Uint16Array.from({ length: 0x7c00 }, (_, bits) => bits);
    const values = float16ToFloat32(finite);
    const wrong = [...finite.subarray(1)].filter((bits) => {
      const step = 2 ** (Math.max(1, bits >> 10) - 25);
      // At a power of two the step below is the smaller one.
      const expected = (bits & 0x3ff) === 0 && bits > 0x400 ? step / 2 : step;
      return (values[bits] as number) - (values[bits - 1] as number) !== expected;
    });
    expect(wrong).toEqual([]);
    expect(Number.isNaN(float16ToFloat32(Uint16Array.of(0x7e00))[0])).toBe(true);
  });
});
