import { describe, expect, test } from "vitest";
import { jigsawPermutations, type Permutation } from "./index.js";

const distance = (a: Permutation, b: Permutation): number => a.filter((tile, i) => tile !== b[i]).length;

function allOf(tiles: number): Permutation[] {
  const rest = (left: readonly number[]): number[][] =>
    left.length === 0
      ? [[]]
      : left.flatMap((tile) => rest(left.filter((t) => t !== tile)).map((order) => [tile, ...order]));
  return rest(Array.from({ length: tiles }, (_, i) => i));
}

describe("jigsawPermutations", () => {
  test.each([
    [4, 12],
    [5, 30],
  ])("%s tiles: each choice is the farthest there is", (tiles, count) => {
    const all = allOf(tiles);
    const chosen = jigsawPermutations(count, tiles);
    expect(chosen[0]).toEqual(all[0]);
    for (let i = 1; i < count; i++) {
      const before = chosen.slice(0, i);
      const sum = (order: Permutation) => before.reduce((total, other) => total + distance(order, other), 0);
      const nearest = (order: Permutation) => Math.min(...before.map((other) => distance(order, other)));
      const left = all.filter((order) => nearest(order) > 0);
      const largest = Math.max(...left.map(sum));
      const farthest = left.filter((order) => sum(order) === largest);
      const apart = Math.max(...farthest.map(nearest));
      expect(chosen[i]).toEqual(farthest.find((order) => nearest(order) === apart));
    }
  });

  test("nine tiles: nine permutations agree nowhere; 64 are all different and far apart", () => {
    const chosen = jigsawPermutations(64);
    for (const order of chosen) expect([...order].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    const distances = chosen.flatMap((a, i) => chosen.slice(0, i).map((b) => distance(a, b)));
    const firstNine = chosen.slice(0, 9).flatMap((a, i) => chosen.slice(0, i).map((b) => distance(a, b)));
    expect(Math.min(...firstNine)).toBe(9);
    // Permutations at random agree in one place on average: a distance of 8. With c of 64 showing a tile at a place, the
    // mean over pairs is 9 less the sum of c (c - 1) / (64 x 63): at best c is 7 or 8 everywhere.
    const mean = distances.reduce((a, b) => a + b) / distances.length;
    const best = 9 - (9 * (8 * 7 * 6 + 1 * 8 * 7)) / (64 * 63);
    expect(mean).toBeCloseTo(best, 10);
    expect(Math.min(...distances)).toBeGreaterThanOrEqual(4); // what this choice reaches
  });

  test("always the same; a larger set begins with the smaller; all there are", () => {
    expect(jigsawPermutations(7, 6)).toEqual(jigsawPermutations(7, 6));
    expect(jigsawPermutations(20, 5).slice(0, 8)).toEqual(jigsawPermutations(8, 5));
    expect(new Set(jigsawPermutations(24, 4).map(String)).size).toBe(24);
    expect(jigsawPermutations(2, 2)).toEqual([
      [0, 1],
      [1, 0],
    ]);
  });

  test.each([
    [0, 9, /^count: expected a whole number from 1 to 362880, got 0/],
    [25, 4, /^count: expected a whole number from 1 to 24, got 25/],
    [2, 10, /^tiles: expected a whole number from 2 to 9, got 10/],
  ])("%s of %s tiles is an error", (count, tiles, message) => {
    expect(() => jigsawPermutations(count, tiles)).toThrow(message);
  });
});
