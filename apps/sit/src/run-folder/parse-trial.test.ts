import { describe, expect, it } from "vitest";
import { checkAblation } from "../ablation/check.js";
import type { Ablation } from "../ablation/definition.js";
import { presets } from "../settings/presets.js";
import { parseTrial } from "./parse-trial.js";
import type { TrialRecord } from "./trial-record.js";

const place = { folder: "sit", method: "sit", seed: 3 } as const;
const part = { images: 10, sha256: "0".repeat(64) };
const trial: TrialRecord = {
  ...place,
  preset: "compare",
  settings: presets.compare,
  labelsPerClass: [10],
  data: { source: "photos", name: "photos", train: part, test: part },
  customParts: [],
  date: "2026-01-01T00:00:00.000Z",
  computedBy: "wasm",
  peakMemoryMB: 300,
  seconds: 12.5,
  images: 10,
  testImages: 10,
  result: { knn: 0.5, accuracy: [{ labels: 10, top1: 0.25, seconds: 2 }] },
};
const parse = (value: unknown) => parseTrial(JSON.stringify(value), "seed-3.json", place);

describe("the file of a trial", () => {
  it("is read as it was written, whatever system its folder was on", () => {
    expect(parse(trial)).toEqual(trial);
    expect(parse({ ...trial, folder: "trials\\sit" })).toEqual(trial);
  });

  it.each([
    ["result", { result: { ...trial.result, knn: 2 } }],
    ["result", { result: { ...trial.result, accuracy: [null] } }],
    ["result", { result: { ...trial.result, pretrain: { steps: 1 } } }],
    ["result", { result: null }],
    ["settings", { settings: { ...trial.settings, width: { toString: 1 } } }],
    ["data", { data: { ...trial.data, train: {} } }],
    ["customParts", { customParts: [{}] }],
    ["labelsPerClass", { labelsPerClass: "10" }],
    ["seconds", { seconds: null }],
    ["computedBy", { computedBy: undefined }],
  ])("with no valid %s is refused by the file's name", (field, changed) => {
    expect(() => parse({ ...trial, ...changed })).toThrow(
      `seed-3.json: expected the result of a trial with a valid ${field}, got`,
    );
  });

  it("of another seed or method than its place says is refused", () => {
    expect(() => parse({ ...trial, seed: 4 })).toThrow("with the seed 3 that its place says, got 4");
    expect(() => parse({ ...trial, method: "mae" })).toThrow(
      'with the method sit that its place says, got "mae"',
    );
  });
});

it.each([
  ["axes", { axes: [null] }],
  ["axes[0].variants", { axes: [{ name: "a", title: "A", variants: [null] }] }],
  ["findings[0]", { findings: [null] }],
  ["findings[0].better", { findings: [{ claim: "c", better: ["\u001b[2J"], worse: ["a/b"] }] }],
])("an ablation whose %s is nothing of its kind is refused, naming the place", (at, changed) => {
  const ablation = { title: "t", axes: [{ name: "a", title: "A", variants: [{ name: "b" }] }] };
  expect(() => checkAblation(ablation as Ablation)).not.toThrow();
  const check = () => checkAblation({ ...ablation, ...changed } as unknown as Ablation);
  expect(check).toThrow(`ablation ${at}`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not reach a terminal.
  expect(check).not.toThrow(/\u001b/);
});
