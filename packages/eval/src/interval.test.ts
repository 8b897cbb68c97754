import { describe, expect, it } from "vitest";
import { meanInterval, studentQuantile } from "./interval.js";

describe("Student's t", () => {
  // Tables of the distribution, as in any textbook.
  it.each([
    [0.975, 1, 12.7062],
    [0.975, 2, 4.3027],
    [0.975, 3, 3.1824],
    [0.95, 4, 2.1318],
    [0.975, 9, 2.2622],
    [0.975, 10, 2.2281],
    [0.995, 19, 2.8609],
    [0.975, 120, 1.9799],
    [0.5, 7, 0],
  ])("lies below its quantile of %d with %d degrees of freedom", (probability, degrees, expected) => {
    expect(studentQuantile(probability, degrees)).toBeCloseTo(expected, 4);
  });

  it("refuses what is no probability or no degree", () => {
    expect(() => studentQuantile(1, 2)).toThrow(/probability: expected/);
    expect(() => studentQuantile(0.9, 1.5)).toThrow(/degrees: expected/);
  });
});

describe("the interval of a mean", () => {
  it("is the mean and t standard errors to both sides", () => {
    const { mean, low, high } = meanInterval([1, 2, 3]);
    expect(mean).toBe(2);
    expect(high - mean).toBeCloseTo(4.302653 / Math.sqrt(3), 5);
    expect(mean - low).toBeCloseTo(high - mean, 12);
  });

  it("knows nothing from one value", () => {
    expect(meanInterval([4])).toEqual({ mean: 4, low: -Infinity, high: Infinity });
    expect(() => meanInterval([])).toThrow(/at least one/);
  });
});
