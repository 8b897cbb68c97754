import { SitError } from "@sitjs/core";
import { describe, expect, it } from "vitest";
import { loadFixture } from "../../../fixtures/load.js";
import { accuracy, predictions } from "./metrics.js";
import {
  classAccuracies,
  confusedPairs,
  confusionMatrix,
  softmax,
  voteShares,
  worstMistakes,
} from "./mistakes.js";

const [labels, predicted] = [
  [0, 0, 0, 1, 1, 2],
  [0, 1, 1, 1, 2, 0],
];

describe("confusionMatrix", () => {
  it("counts images by class and by what they were given", () => {
    const matrix = confusionMatrix(labels, predicted, 4);
    expect(matrix).toEqual([
      [1, 2, 0, 0],
      [0, 1, 1, 0],
      [1, 0, 0, 0],
      [0, 0, 0, 0],
    ]);
    expect(classAccuracies(matrix)).toEqual([
      { label: 0, images: 3, accuracy: 1 / 3 },
      { label: 1, images: 2, accuracy: 0.5 },
      { label: 2, images: 1, accuracy: 0 },
      { label: 3, images: 0, accuracy: null },
    ]);
    expect(confusedPairs(matrix)).toEqual([
      { label: 0, predicted: 1, images: 2 },
      { label: 1, predicted: 2, images: 1 },
      { label: 2, predicted: 0, images: 1 },
    ]);
  });

  it("has the accuracy on its diagonal (fixture metrics)", () => {
    const fixture = loadFixture("metrics");
    const logits = Float32Array.from(fixture.entry("acc/logits").data, Number);
    const targets = Int32Array.from(fixture.entry("acc/targets").data, Number);
    const matrix = confusionMatrix(targets, predictions(logits, 10), 10);
    const right = matrix.reduce((sum, row, label) => sum + (row[label] as number), 0);
    expect([right / targets.length]).toEqual(accuracy(logits, targets, 10));
    expect(worstMistakes(softmax(logits, 10), targets, 10, 1000)).toHaveLength(targets.length - right);
  });

  it("refuses what is no class, and lists that do not fit", () => {
    expect(() => confusionMatrix([0, 3], [0, 1], 3)).toThrow(
      "labels[1]: expected a class from 0 to 2, got 3",
    );
    expect(() => confusionMatrix([0, 1], [0, -1], 3)).toThrow("predicted[1]: expected a class from 0 to 2");
    expect(() => confusionMatrix([0, 1], [0], 3)).toThrow(SitError);
  });
});

describe("worstMistakes", () => {
  const probabilities = Float32Array.of(0.5, 0.25, 0.25, 0.125, 0.75, 0.125, 0, 0, 1, 0.25, 0.5, 0.25);

  it("gives wrong ones with the highest probability first, and no right ones", () => {
    expect(worstMistakes(probabilities, [2, 0, 2, 0], 3, 9)).toEqual([
      { row: 1, label: 0, predicted: 1, probability: 0.75 },
      { row: 0, label: 2, predicted: 0, probability: 0.5 },
      { row: 3, label: 0, predicted: 1, probability: 0.5 },
    ]);
    expect(worstMistakes(probabilities, [2, 0, 2, 0], 3, 1)).toHaveLength(1);
    expect(worstMistakes(probabilities, [0, 1, 2, 1], 3, 9)).toEqual([]);
  });

  it("refuses sizes that do not fit, and counts that are none", () => {
    expect(() => worstMistakes(probabilities, [0], 3, 1)).toThrow(
      "expected 1 x 3 probabilities, got 12 values",
    );
    expect(() => worstMistakes(probabilities, [0, 1, 2, 1], 3, -1)).toThrow(
      /^count: expected a whole number/,
    );
  });
});

describe("probabilities", () => {
  it("of logits add up to 1, whatever their size", () => {
    const [a, b, c, d] = softmax(Float32Array.of(0, Math.log(3), 1000, 1000), 2);
    expect(a).toBeCloseTo(0.25, 6);
    expect(b).toBeCloseTo(0.75, 6);
    expect([c, d]).toEqual([0.5, 0.5]);
  });

  it("of votes are their shares; without a vote there is none", () => {
    expect(voteShares(Float32Array.of(1, 3, 0, 0), 2)).toEqual(Float32Array.of(0.25, 0.75, 0, 0));
  });
});
