import { SitError } from "@sitjs/core";
import { describe, expect, it } from "vitest";
import { loadFixture } from "../../../fixtures/load.js";
import { accuracy, meanAndDeviation, predictions } from "./metrics.js";

describe("accuracy", () => {
  it("is the reference's, exactly (fixture metrics)", () => {
    const fixture = loadFixture("metrics");
    const expected = fixture.json.accuracy as Record<"top1" | "top3" | "top5", number>;
    const logits = Float32Array.from(fixture.entry("acc/logits").data, Number);
    const targets = Int32Array.from(fixture.entry("acc/targets").data, Number);
    const percent = accuracy(logits, targets, 10, [1, 3, 5]).map((share) => share * 100);
    expect(percent).toEqual([expected.top1, expected.top3, expected.top5]);
  });

  it("is whole where there are no more classes than k", () => {
    expect(accuracy(Float32Array.of(3, 1, 2, 9, 0, 5), [1, 1], 3, [1, 2, 3, 5])).toEqual([0, 0, 1, 1]);
  });

  it("ranks the earlier of equal logits first, as predictions does", () => {
    const logits = Float32Array.of(1, 1, 0, 2, 2, 2);
    expect(predictions(logits, 3)).toEqual(Int32Array.of(0, 0));
    expect(accuracy(logits, [1, 0], 3)).toEqual([0.5]);
    expect(accuracy(logits, [0, 0], 3)).toEqual([1]);
    expect(accuracy(logits, [1, 2], 3, [2, 3])).toEqual([0.5, 1]);
  });

  it("counts no row as a hit whose logits are not all numbers", () => {
    const { NaN: none } = Number;
    const logits = Float32Array.of(none, none, none, none, 1, 0, 2, none, 1);
    expect(accuracy(logits, [0, 0, 0], 3)).toEqual([0]);
    expect(accuracy(logits, [2, 1, 0], 3, [1, 3])).toEqual([0, 2 / 3]);
  });

  it("has no value where there are no rows", () => {
    expect(accuracy(new Float32Array(0), [], 3)).toEqual([Number.NaN]);
  });

  it("refuses sizes that do not fit", () => {
    const wrong = () => accuracy(new Float32Array(7), [0, 1], 3);
    expect(wrong).toThrow(SitError);
    expect(wrong).toThrow("accuracy: expected 2 x 3 logits, got 7 values");
  });

  it.each([
    [-1, "labels[1]: expected a class from 0 to 2, got -1 (no label)"],
    [3, "labels[1]: expected a class from 0 to 2, got 3"],
    [0.5, "labels[1]: expected a class from 0 to 2, got 0.5"],
  ])("refuses the label %d instead of counting a hit", (label, message) => {
    expect(() => accuracy(new Float32Array(6), [0, label], 3)).toThrow(message);
  });
});

describe("meanAndDeviation", () => {
  it("is that of a sample", () => {
    expect(meanAndDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, deviation: Math.sqrt(32 / 7) });
    expect(meanAndDeviation([3])).toEqual({ mean: 3, deviation: 0 });
  });
});
