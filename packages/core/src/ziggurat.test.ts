import { describe, expect, test } from "vitest";
import { randomStream } from "./random.js";

/** Standard normal distribution function, by Abramowitz and Stegun 7.1.26 (error below 1.5e-7). */
function normalDistribution(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * z);
  const poly =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const erf = 1 - poly * Math.exp(-z * z);
  return x < 0 ? (1 - erf) / 2 : (1 + erf) / 2;
}

describe("normal draws", () => {
  const draws = randomStream(2024, "normal").fillNormal(new Float32Array(1_000_000));

  test("moments of the standard normal, within five standard errors", () => {
    const moment = (k: number) => draws.reduce((sum, v) => sum + v ** k, 0) / draws.length;
    // Variance of v^k over the draws: E v^(2k) - (E v^k)^2.
    expect(Math.abs(moment(1))).toBeLessThan(5 * Math.sqrt(1 / draws.length));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / draws.length));
    expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / draws.length));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / draws.length));
  });

  test("the distribution, tails included, within the Kolmogorov-Smirnov bound of one in ten thousand", () => {
    const sorted = Float32Array.from(draws).sort();
    let worst = 0;
    sorted.forEach((v, i) => {
      worst = Math.max(worst, Math.abs(normalDistribution(v) - (i + 0.5) / sorted.length));
    });
    expect(worst).toBeLessThan(2.23 / Math.sqrt(sorted.length));
    const beyond = (limit: number) => draws.reduce((n, v) => n + (Math.abs(v) > limit ? 1 : 0), 0);
    // 5.757e-4 of the draws lie beyond the start of the tail, 6.334e-5 beyond 4: five Poisson deviations.
    expect(Math.abs(beyond(3.442619855899) - 575.7)).toBeLessThan(5 * Math.sqrt(575.7));
    expect(Math.abs(beyond(4) - 63.34)).toBeLessThan(5 * Math.sqrt(63.34));
  });

  test("neighbouring draws are uncorrelated", () => {
    let sum = 0;
    for (let i = 1; i < draws.length; i++) sum += (draws[i] as number) * (draws[i - 1] as number);
    expect(Math.abs(sum / draws.length)).toBeLessThan(5 / Math.sqrt(draws.length));
  });

  test("one at a time or many at once: the same numbers, from the seed alone", () => {
    const many = randomStream(0, "a").fillNormal(new Float32Array(101));
    const one = randomStream(0, "a");
    for (const v of many) expect(Math.fround(one.normal())).toBe(v);
    expect(randomStream(0, "b").fillNormal(new Float32Array(101))).not.toEqual(many);
  });
});
