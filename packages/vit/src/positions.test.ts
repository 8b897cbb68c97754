import { SitError } from "@sitjs/core";
import { closeness } from "@sitjs/core/testing";
import { describe, expect, it } from "vitest";
import { loadFixture } from "../../../fixtures/load.js";
import { interpolationMatrix, sinCosPositions } from "./index.js";

describe("positions", () => {
  it.each([
    [16, 3],
    [32, 7],
    [24, 5],
  ])("are MAE's sine-cosine table for width %i and a grid of %i", (width, side) => {
    const { data } = loadFixture("mae").entry(`sincos/d${width}_g${side}`);
    const table = Array.from(data, Number);
    expect(table.slice(0, width).every((value) => value === 0)).toBe(true); // the class token's row
    expect(closeness(sinCosPositions(width, side, side), table.slice(width)).maxAbsolute).toBeLessThan(1e-6);
  });

  it("put the column into the first half and the row into the second", () => {
    const table = sinCosPositions(8, 2, 3);
    const at = (row: number, column: number): number[] =>
      Array.from(table.slice((row * 3 + column) * 8, (row * 3 + column + 1) * 8));
    expect(at(0, 2).slice(4)).toEqual(at(0, 0).slice(4));
    expect(at(1, 2).slice(0, 4)).toEqual(at(0, 2).slice(0, 4));
    expect(at(1, 1).slice(0, 4)).toEqual(at(1, 1).slice(4));
    expect(() => sinCosPositions(6, 2, 2)).toThrow(SitError);
  });

  it("interpolate with weights that sum to 1 for every new position", () => {
    const matrix = interpolationMatrix(4, 3, 7);
    for (let row = 0; row < 21; row++) {
      const sum = matrix.slice(row * 16, (row + 1) * 16).reduce((total, weight) => total + weight, 0);
      expect(sum).toBeCloseTo(1, 6);
    }
  });

  it("interpolate to the reference's embedding, class token untouched", () => {
    const fixture = loadFixture("vit_forward");
    const stored = fixture.entry("pos_embed").data as Float32Array;
    for (const [rows, columns, size] of [
      [6, 6, "48x48"],
      [3, 5, "24x40"],
    ] as const) {
      const matrix = interpolationMatrix(4, rows, columns);
      const expected = fixture.entry(`out/pos_embed_${size}`).data as Float32Array;
      expect(expected.slice(0, 32)).toEqual(stored.slice(0, 32));
      const actual = Array.from({ length: rows * columns * 32 }, (_, i) => {
        let sum = 0;
        for (let k = 0; k < 16; k++) {
          sum += Number(matrix[Math.floor(i / 32) * 16 + k]) * Number(stored[(1 + k) * 32 + (i % 32)]);
        }
        return sum;
      });
      expect(closeness(actual, expected.slice(32)).maxAbsolute).toBeLessThan(1e-6);
    }
  });
});
