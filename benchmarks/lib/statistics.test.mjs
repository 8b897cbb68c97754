import { describe, expect, it } from "vitest";
import { median, quantile, spread } from "./statistics.mjs";

describe("quantiles", () => {
  it("are between neighbours linearly, as numpy's and R's default (type 7)", () => {
    const values = [15, 20, 35, 40, 50]; // numpy.quantile(values, 0.4) = 29
    expect(quantile(values, 0.4)).toBeCloseTo(29, 12);
    expect([quantile(values, 0), quantile(values, 1)]).toEqual([15, 50]);
    expect(spread([4, 1, 3, 2])).toEqual({ minimum: 1, lower: 1.75, median: 2.5, upper: 3.25, maximum: 4 });
  });

  it("do not depend on the order, and leave the values as they are", () => {
    const values = [3, 10, 1];
    expect(median(values)).toBe(3);
    expect(values).toEqual([3, 10, 1]);
    expect(median([7])).toBe(7);
  });

  it("of nothing are an error", () => {
    expect(() => median([])).toThrow("expected at least one value");
  });
});
