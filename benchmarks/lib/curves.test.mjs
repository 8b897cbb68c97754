import { describe, expect, it } from "vitest";
import { meanDifference, smoothed } from "./curves.mjs";

describe("curves", () => {
  it("are smoothed by means of neighbours", () => {
    expect(smoothed([1, 2, 6, 4], 2)).toEqual([1.5, 4, 5]);
    expect(smoothed([1, 2, 6], 3)).toEqual([3]);
    expect(smoothed([1, 2], 3)).toEqual([]);
  });

  it("differ by the mean share", () => {
    expect(meanDifference([1.1, 1.8], [1, 2])).toBeCloseTo(0.1, 12);
    expect(meanDifference([-1], [1])).toBe(2);
    expect(() => meanDifference([1], [1, 2])).toThrow(/expected two lists alike, got 1 and 2 values/);
    expect(() => meanDifference([], [])).toThrow(/got 0/);
  });
});
