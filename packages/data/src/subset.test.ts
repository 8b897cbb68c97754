import { describe, expect, it } from "vitest";
import { memoryDataset } from "./dataset.js";
import { balancedSubset, split, subset } from "./subset.js";

/** 30 images of one pixel, whose level is their index; 3 classes, of 15, 10 and 5. */
const dataset = memoryDataset({
  pixels: Uint8Array.from({ length: 30 }, (_, i) => i),
  width: 1,
  height: 1,
  channels: 1,
  labels: Array.from({ length: 30 }, (_, i) => (i < 15 ? 0 : i < 25 ? 1 : 2)),
  classes: ["many", "some", "few"],
});
const levels = async (part: typeof dataset) =>
  Promise.all(Array.from({ length: part.length }, async (_, i) => (await part.image(i)).data[0]));

describe("subset", () => {
  it("takes the samples in the order asked for, labels too, and of a subset again", async () => {
    const part = subset(dataset, [29, 0, 20, 0]);
    expect(await levels(part)).toEqual([29, 0, 20, 0]);
    expect(part.labels).toEqual(Int32Array.of(2, 0, 1, 0));
    expect(await levels(subset(part, [2, 0]))).toEqual([20, 29]);
  });

  it("copies no pixels", () => {
    const part = subset(dataset, [1]).storage;
    expect(part.kind === "memory" && dataset.storage.kind === "memory" && part.pixels).toBe(
      dataset.storage.kind === "memory" ? dataset.storage.pixels : undefined,
    );
  });

  it.each([[[30]], [[-1]], [[0.5]], [[]]])("refuses the indices %j", (indices) => {
    expect(() => subset(dataset, indices)).toThrow(/^indices/);
  });
});

describe("balancedSubset", () => {
  it("draws the same number of each class, without repeats, the same for the same seed", async () => {
    const part = balancedSubset(dataset, { perClass: 4, seed: 0 });
    expect(part.labels).toEqual(Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2));
    const chosen = await levels(part);
    expect(new Set(chosen).size).toBe(12);
    expect(await levels(balancedSubset(dataset, { perClass: 4, seed: 0 }))).toEqual(chosen);
    expect(await levels(balancedSubset(dataset, { perClass: 4, seed: 1 }))).not.toEqual(chosen);
  });

  it("contains the draw of a smaller number", async () => {
    const more = new Set(await levels(balancedSubset(dataset, { perClass: 5 })));
    for (const level of await levels(balancedSubset(dataset, { perClass: 2 }))) expect(more).toContain(level);
  });

  it("names the class that is too small, and a dataset without labels", () => {
    expect(() => balancedSubset(dataset, { perClass: 6 })).toThrow(
      /at most 5, the size of class "few".*got 6/,
    );
    const bare = memoryDataset({ pixels: new Uint8Array(2), width: 1, height: 1, channels: 1 });
    expect(() => balancedSubset(bare, { perClass: 1 })).toThrow(/with labels/);
  });
});

describe("split", () => {
  it("gives every sample to exactly one part, in order, and keeps the classes' proportions", async () => {
    const [first, rest] = split(dataset, { share: 0.4, seed: 3 });
    const [a, b] = [await levels(first), await levels(rest)];
    expect([...a, ...b].sort((x, y) => Number(x) - Number(y))).toEqual(
      Array.from({ length: 30 }, (_, i) => i),
    );
    expect(a).toEqual([...a].sort((x, y) => Number(x) - Number(y)));
    expect([0, 1, 2].map((label) => first.labels?.filter((l) => l === label).length)).toEqual([6, 4, 2]);
  });

  it.each([0, 1, -1, Number.NaN, 0.001])("refuses a share of %s", (share) => {
    expect(() => split(dataset, { share })).toThrow(/^share/);
  });
});

describe("memoryDataset", () => {
  const base = { pixels: new Uint8Array(12), width: 2, height: 2, channels: 3 as const };
  it.each([
    [
      "pixels that are no whole image",
      { ...base, pixels: new Uint8Array(13) },
      /^pixels: .*12 values.*got 13/,
    ],
    ["no pixels", { ...base, pixels: new Uint8Array(0) }, /^pixels/],
    ["no width", { ...base, width: 0 }, /^width/],
    ["too many labels", { ...base, labels: [0, 0] }, /^labels: .*got 2/],
    ["a negative label", { ...base, labels: [-1] }, /labels\[0\]/],
  ])("refuses %s", (_, options, message) => {
    expect(() => memoryDataset(options)).toThrow(message);
  });
});
