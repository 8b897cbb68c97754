import { describe, expect, it } from "vitest";
import { type RandomStream, randomStream } from "./random.js";

const take = (n: number, draw: () => number): number[] => Array.from({ length: n }, draw);
const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
const correlation = (a: readonly number[], b: readonly number[]): number => {
  const [meanA, meanB] = [mean(a), mean(b)];
  const covariance = mean(a.map((value, i) => (value - meanA) * (Number(b[i]) - meanB)));
  const deviation = (values: readonly number[], m: number): number =>
    Math.sqrt(mean(values.map((value) => (value - m) ** 2)));
  return covariance / deviation(a, meanA) / deviation(b, meanB);
};
const N = 20_000;
/** Five standard errors of a mean of N draws with the given deviation. */
const within = (deviation: number): number => (5 * deviation) / Math.sqrt(N);

describe("randomStream", () => {
  it("gives the same numbers for the same name and others for any other name", () => {
    const names: Parameters<typeof randomStream>[] = [
      [0],
      [1],
      [-1],
      [2 ** 32],
      [Number.MAX_SAFE_INTEGER],
      [0, 0],
      [0, "0"],
      [0, ""],
      [0, "a"],
      [0, "a", "b"],
      [0, "ab"],
      [0, "b", "a"],
      [0, "a", 1],
      [0, "a", 1, 0],
    ];
    const firsts = names.map((name) => take(4, randomStream(...name).uniform).join());
    expect(names.map((name) => take(4, randomStream(...name).uniform).join())).toEqual(firsts);
    expect(new Set(firsts).size).toBe(names.length);
  });

  it("keeps its numbers from release to release", () => {
    // Written down from this implementation: a change here breaks every stored seed.
    const rng = randomStream(0, "pinned", 7);
    expect(take(3, () => Math.round(rng.uniform() * 2 ** 32))).toEqual([455555752, 3268048226, 302806441]);
  });

  it.each([0, 1, 123_456_789])("draws uniform numbers of the right moments with seed %i", (seed) => {
    const values = take(N, randomStream(seed, "uniform").uniform);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
    expect(Math.abs(mean(values) - 1 / 2)).toBeLessThan(within(Math.sqrt(1 / 12)));
    expect(Math.abs(mean(values.map((v) => v * v)) - 1 / 3)).toBeLessThan(within(Math.sqrt(4 / 45)));
    const bins = new Array<number>(20).fill(0);
    for (const value of values) bins[Math.floor(value * 20)] = Number(bins[Math.floor(value * 20)]) + 1;
    const chiSquare = bins.reduce((sum, count) => sum + (count - N / 20) ** 2 / (N / 20), 0);
    expect(chiSquare).toBeLessThan(52); // 19 degrees of freedom, p about 1e-4
    expect(Math.abs(correlation(values.slice(1), values.slice(0, -1)))).toBeLessThan(within(1));
  });

  it("draws normal numbers with the moments 0, 1, 0, 3", () => {
    const rng = randomStream(0, "normal");
    const values = [...rng.fillNormal(new Float32Array(N))];
    const moment = (power: number): number => mean(values.map((value) => value ** power));
    expect(Math.abs(moment(1))).toBeLessThan(within(1));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(within(Math.sqrt(2)));
    expect(Math.abs(moment(3))).toBeLessThan(within(Math.sqrt(15)));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(within(Math.sqrt(96)));
    expect(Math.abs(correlation(values.slice(1), values.slice(0, -1)))).toBeLessThan(within(1));
  });

  it("makes neighbouring seeds, steps and samples independent", () => {
    const reference = take(N, randomStream(0, "x", 0, 0).uniform);
    const others = [
      randomStream(1, "x", 0, 0),
      randomStream(0, "y", 0, 0),
      randomStream(0, "x", 1, 0),
      randomStream(0, "x", 0, 1),
    ];
    for (const other of others) {
      expect(Math.abs(correlation(reference, take(N, other.uniform)))).toBeLessThan(within(1));
    }
    // Also the first draws of consecutive streams: what a per-sample stream uses.
    const first = take(N, () => 0).map((_, sample) => randomStream(0, "x", sample).uniform());
    expect(Math.abs(mean(first) - 1 / 2)).toBeLessThan(within(Math.sqrt(1 / 12)));
    expect(Math.abs(correlation(first.slice(1), first.slice(0, -1)))).toBeLessThan(within(1));
  });

  it("forks by name, whatever was drawn before", () => {
    const parent = randomStream(5, "run");
    const before = take(3, parent.fork("step", 2).uniform);
    take(17, parent.normal);
    expect(take(3, parent.fork("step", 2).uniform)).toEqual(before);
    expect(take(3, randomStream(5, "run", "step", 2).uniform)).toEqual(before);
    const untouched = randomStream(5, "run");
    untouched.fork("anything").uniform();
    expect(take(3, untouched.uniform)).toEqual(take(3, randomStream(5, "run").uniform));
  });

  it("keeps between, integer and chance in their ranges and proportions", () => {
    const rng = randomStream(0, "ranges");
    const between = take(N, () => rng.between(-2, 3));
    expect(Math.min(...between)).toBeGreaterThanOrEqual(-2);
    expect(Math.max(...between)).toBeLessThan(3);
    expect(Math.abs(mean(between) - 0.5)).toBeLessThan(within(5 * Math.sqrt(1 / 12)));
    const integers = take(N, () => rng.integer(-1, 2));
    expect(new Set(integers)).toEqual(new Set([-1, 0, 1]));
    expect(Math.abs(mean(integers))).toBeLessThan(within(Math.sqrt(2 / 3)));
    expect(rng.integer(4, 5)).toBe(4);
    expect(Math.abs(mean(take(N, () => Number(rng.chance(0.3)))) - 0.3)).toBeLessThan(within(0.46));
    expect(take(100, () => Number(rng.chance(0))).some(Boolean)).toBe(false);
    expect(take(100, () => Number(rng.chance(1))).every(Boolean)).toBe(true);
  });

  it("permutes evenly", () => {
    const rng = randomStream(0, "permutation");
    expect([...rng.permutation(0)]).toEqual([]);
    expect([...rng.permutation(1)]).toEqual([0]);
    expect([...rng.permutation(50)].sort((a, b) => a - b)).toEqual(take(50, () => 0).map((_, i) => i));
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = rng.permutation(3).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // Binomial(6000, 1/6): deviation 29.
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(5 * 29);
  });

  it("refuses seeds that are no safe integers and empty ranges", () => {
    for (const seed of [0.5, Number.NaN, 2 ** 53]) expect(() => randomStream(seed)).toThrow(RangeError);
    const rng: RandomStream = randomStream(0);
    expect(() => rng.integer(3, 3)).toThrow(RangeError);
    expect(() => rng.fork(0.5)).toThrow(RangeError);
  });
});
