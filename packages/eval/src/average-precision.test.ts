import { randomStream, SitError } from "@sitjs/core";
import { describe, expect, it } from "vitest";
import { loadFixture } from "../../../fixtures/load.js";
import { averagePrecision, meanAveragePrecision } from "./average-precision.js";

describe("meanAveragePrecision", () => {
  const fixture = loadFixture("metrics");
  const expected = fixture.json.map as Record<"ap" | "ap_ties", number[]> &
    Record<"mean" | "mean_ties", number>;
  const targets = Uint8Array.from(fixture.entry("map/targets").data, Number);

  it.each([
    ["map/scores", expected.ap, expected.mean],
    ["map/scores_ties", expected.ap_ties, expected.mean_ties],
  ])("is scikit-learn's of %s (fixture metrics)", (name, ap, mean) => {
    const scores = Float32Array.from(fixture.entry(name).data, Number);
    const own = meanAveragePrecision(scores, targets, 6);
    own.perClass.forEach((value, c) => {
      expect(value).toBeCloseTo(ap[c] as number, 12);
    });
    expect(own.mean).toBeCloseTo(mean, 12);
    expect(own.counted).toEqual([50, 50, 50, 50, 50, 50]);
    expect(own.positives).toEqual(
      ap.map((_, c) => targets.filter((target, i) => i % 6 === c && target === 1).length),
    );
  });

  it("leaves out classes without positives, and rows that do not count", () => {
    const scores = [9, 1, 5, 8, 2, 6, 7, 3, 7];
    const targets = [1, 0, 255, 0, 0, 1, 255, 0, 0];
    const { mean, perClass, positives, counted } = meanAveragePrecision(scores, targets, 3);
    expect(perClass).toEqual([1, Number.NaN, 0.5]);
    expect(mean).toBe(0.75);
    expect(positives).toEqual([1, 0, 1]);
    expect(counted).toEqual([2, 3, 2]);
    expect(meanAveragePrecision([1, 2], [0, 255], 2).mean).toBeNaN();
  });

  it("refuses sizes that do not fit", () => {
    expect(() => meanAveragePrecision([1, 2, 3], [0, 1, 0], 2)).toThrow(/of 2 classes a row, got 3 and 3/);
    expect(() => meanAveragePrecision([1, 2], [0, 1, 0, 1], 2)).toThrow(SitError);
    expect(() => meanAveragePrecision([1], [1], 0)).toThrow(/^classes: /);
  });
});

describe("averagePrecision", () => {
  it("is 1 for a perfect order, the harmonic tail for the worst, the share where all scores are equal", () => {
    expect(averagePrecision([4, 3, 2, 1], [1, 1, 0, 0])).toBe(1);
    expect(averagePrecision([4, 3, 2, 1], [0, 0, 1, 1])).toBeCloseTo((1 / 3 + 2 / 4) / 2, 15);
    expect(averagePrecision([0, 0, 0, 0], [0, 1, 0, 0])).toBe(0.25);
  });

  it("does not depend on the order of rows, on ties either, and only on the order of scores", () => {
    const rng = randomStream(3, "average-precision");
    const rows = Array.from({ length: 60 }, () => [rng.integer(0, 8), rng.integer(0, 2)] as const);
    const value = averagePrecision(
      rows.map(([score]) => score),
      rows.map(([, target]) => target),
    );
    const other = Array.from(rng.permutation(60), (i) => rows[i] as (typeof rows)[number]);
    const again = averagePrecision(
      other.map(([score]) => Math.exp(score) - 5),
      other.map(([, target]) => target),
    );
    expect(again).toBeCloseTo(value, 14);
  });

  it("takes infinite scores, refuses those that are no number unless they do not count", () => {
    const { POSITIVE_INFINITY: most, NEGATIVE_INFINITY: least, NaN: none } = Number;
    expect(averagePrecision([least, most, most, 0], [0, 1, 1, 0])).toBe(1);
    expect(() => averagePrecision([1, none], [0, 1])).toThrow(/scores\[1\]: expected a number, got NaN/);
    expect(averagePrecision([1, none], [1, 255])).toBe(1);
    expect(() => averagePrecision([1], [1, 0])).toThrow(/as many scores as targets, 2, got 1/);
  });
});
