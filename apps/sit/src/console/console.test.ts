import { describe, expect, it } from "vitest";
import { details, duration } from "./format.js";
import { jsonReporter } from "./json.js";
import { lineReporter } from "./lines.js";

const progress = (done: number) => ({ event: "progress", stage: "Training", done, total: 100 }) as const;

describe("duration", () => {
  it.each([
    [0, "0 s"],
    [59.4, "59 s"],
    [59.6, "1:00 min"],
    [3599, "59:59 min"],
    [3 * 3600 + 61, "3:01 h"],
    [Number.POSITIVE_INFINITY, "?"],
  ])("%s seconds is %s", (seconds, text) => expect(duration(seconds)).toBe(text));
});

describe("details", () => {
  it("gives speed, values and both times left", () => {
    const event = {
      ...progress(1),
      imagesPerSecond: 812.4,
      secondsLeft: 5,
      totalSecondsLeft: 90,
      values: { loss: 1.23456 },
    };
    expect(details(event)).toBe("812 images/s, loss 1.235, 5 s left, 1:30 min to the end");
  });
});

describe("lineReporter", () => {
  it("prints progress every five seconds", () => {
    let now = 0;
    const lines: string[] = [];
    const report = lineReporter(
      (line) => lines.push(line),
      () => now,
    );
    report({ event: "stage", stage: "Training", total: 100, unit: "steps" });
    for (let second = 1; second <= 11; second++) {
      now = 1000 * second;
      report(progress(second));
    }
    report({ event: "stage-end", stage: "Training", seconds: 11, outcome: "accuracy 50 %" });
    expect(lines).toEqual([
      "Training (100 steps)",
      "Training: 5 %, ",
      "Training: 10 %, ",
      "Training: done in 11 s, accuracy 50 %",
    ]);
  });
});

describe("jsonReporter", () => {
  it("prints two lines of progress a second at most, and always the last", () => {
    let now = 0;
    const lines: string[] = [];
    const report = jsonReporter(
      (line) => lines.push(line),
      () => now,
    );
    for (const done of [1, 2, 3, 100]) {
      now += 200;
      report(progress(done));
    }
    expect(lines.map((line) => JSON.parse(line).done)).toEqual([1, 100]);
    expect(lines.every((line) => line.endsWith("\n"))).toBe(true);
  });
});
