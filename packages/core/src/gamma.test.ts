import { describe, expect, it } from "vitest";
import { drawBeta, drawGamma } from "./gamma.js";
import { randomStream } from "./random.js";

const N = 40_000;
const draws = (draw: () => number) => Float64Array.from({ length: N }, draw);

/** Mean, variance and third central moment. */
function moments(values: Float64Array) {
  const mean = values.reduce((sum, value) => sum + value, 0) / N;
  const central = (power: number) => values.reduce((sum, value) => sum + (value - mean) ** power, 0) / N;
  return { mean, variance: central(2), third: central(3), fourth: central(4) };
}

/** Five standard errors of a mean of N values with this variance. */
const error = (variance: number) => 5 * Math.sqrt(variance / N);

describe("drawGamma", () => {
  it.each([0.2, 0.8, 1, 2.5, 30])("has the moments of shape %d", (shape) => {
    const rng = randomStream(0, "gamma", Math.round(shape * 10));
    const { mean, variance, third, fourth } = moments(draws(() => drawGamma(rng, shape)));
    expect(Math.abs(mean - shape)).toBeLessThan(error(shape));
    expect(Math.abs(variance - shape)).toBeLessThan(error(fourth - variance ** 2));
    // The third is 2 shape; its own error from the moments of the distribution up to the sixth is below this.
    expect(Math.abs(third - 2 * shape)).toBeLessThan(error(15 * shape ** 3 + 130 * shape ** 2 + 120 * shape));
  });

  it("is that of the exponential distribution for shape 1", () => {
    const rng = randomStream(1, "gamma");
    const values = draws(() => drawGamma(rng, 1));
    for (const limit of [0.1, 1, 3]) {
      const expected = 1 - Math.exp(-limit);
      const share = values.filter((value) => value < limit).length / N;
      expect(Math.abs(share - expected)).toBeLessThan(error(expected * (1 - expected)));
    }
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("refuses shape %d", (shape) => {
    expect(() => drawGamma(randomStream(0), shape)).toThrow("shape: expected a number above 0");
  });
});

describe("drawBeta", () => {
  it.each([
    [0.8, 0.8],
    [1, 1],
    [0.2, 0.2],
    [2, 5],
  ])("has the moments of (%d, %d), all in [0, 1]", (alpha, beta) => {
    const rng = randomStream(0, "beta", Math.round(10 * alpha), Math.round(10 * beta));
    const values = draws(() => drawBeta(rng, alpha, beta));
    const { mean, variance, fourth } = moments(values);
    const sum = alpha + beta;
    const expected = (alpha * beta) / (sum ** 2 * (sum + 1));
    expect(Math.abs(mean - alpha / sum)).toBeLessThan(error(expected));
    expect(Math.abs(variance - expected)).toBeLessThan(error(fourth - variance ** 2));
    expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
  });

  it("is uniform for (1, 1)", () => {
    const rng = randomStream(2, "beta");
    const values = draws(() => drawBeta(rng, 1, 1));
    for (let tenth = 0; tenth < 10; tenth++) {
      const share = values.filter((value) => Math.floor(value * 10) === tenth).length / N;
      expect(Math.abs(share - 0.1)).toBeLessThan(error(0.09));
    }
  });

  it("is at the ends, and a number, for a tiny shape", () => {
    const rng = randomStream(3, "beta");
    const values = Array.from({ length: 200 }, () => drawBeta(rng, 1e-5, 1e-5));
    expect(values.every((value) => value < 1e-3 || value > 1 - 1e-3)).toBe(true);
    expect(new Set(values.map(Math.round)).size).toBe(2);
  });

  it("is the same for the same stream", () => {
    expect(drawBeta(randomStream(7, "mix"), 0.8, 0.8)).toBe(drawBeta(randomStream(7, "mix"), 0.8, 0.8));
  });
});
