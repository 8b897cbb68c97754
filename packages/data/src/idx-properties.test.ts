import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { surviveDamage } from "../../../fixtures/damage.js";
import { formatIdx, type IdxArray, parseIdx } from "./idx.js";

const size = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);

const anyArray: fc.Arbitrary<IdxArray> = fc
  .array(fc.nat(5), { minLength: 1, maxLength: 4 })
  .chain((shape) =>
    fc.uint8Array({ minLength: size(shape), maxLength: size(shape) }).map((data) => ({ shape, data })),
  );

describe("any IDX file", () => {
  it("comes back as it was written", () => {
    fc.assert(
      fc.property(anyArray, (array) => {
        const { shape, data } = parseIdx(formatIdx(array));
        expect(shape).toEqual(array.shape);
        expect([...data]).toEqual([...array.data]);
      }),
    );
  });

  it("with any byte changed or cut off is refused as a bad file or has the shape of its data", () => {
    const counts = surviveDamage({
      bytes: formatIdx({ shape: [2, 1, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6) }),
      source: "some.idx",
      parse: (bytes) => parseIdx(bytes, "some.idx"),
      check: ({ shape, data }) => expect(data.length).toBe(size(shape)),
    });
    expect(counts.accepted).toBeGreaterThan(50); // the pixels may be anything
    expect(counts.refused).toBeGreaterThan(100);
  });
});
