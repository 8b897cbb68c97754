import { describe, expect, it } from "vitest";
import { growthExponent, growthPoints, tokens } from "./growth-points.mjs";

describe("growth points", () => {
  it("vary one size at a time and share the middle", () => {
    const points = growthPoints();
    const middle = points.filter(({ axes }) => axes.length === 3);
    expect(middle).toHaveLength(1);
    for (const { workload, axes } of points) {
      const different = Object.keys(workload).filter((size) => workload[size] !== middle[0].workload[size]);
      expect(different.length).toBe(axes.length === 3 ? 0 : 1);
    }
    for (const axis of ["batch", "tokens", "depth"]) {
      const on = points.flatMap((point) => point.axes.filter((place) => place.axis === axis));
      expect(new Set(on.map(({ value }) => value)).size).toBe(on.length);
      expect(on.length).toBeGreaterThanOrEqual(4);
    }
  });

  it("count an image's patches and the class token", () => {
    expect(tokens(32)).toBe(65);
  });
});

describe("growth exponent", () => {
  it("is the power of a power law", () => {
    const power = (exponent) => [1, 2, 5, 30].map((x) => ({ x, y: 0.3 * x ** exponent }));
    for (const exponent of [0, 1, 1.7, 2]) expect(growthExponent(power(exponent))).toBeCloseTo(exponent, 12);
  });

  it("lies between the ends' slopes where there is a cost that does not grow", () => {
    const exponent = growthExponent([1, 2, 4, 8].map((x) => ({ x, y: 5 + x })));
    expect(exponent).toBeGreaterThan(Math.log2(7 / 6));
    expect(exponent).toBeLessThan(Math.log2(13 / 9));
  });

  it("refuses one size, and a cost of 0", () => {
    expect(() => growthExponent([{ x: 3, y: 1 }])).toThrow(/two different sizes/);
    const free = [1, 2].map((x) => ({ x, y: x - 1 }));
    expect(() => growthExponent(free)).toThrow(/above 0/);
  });
});
