import { beforeEach, describe, expect, it, vi } from "vitest";
import { readAhead } from "./read-ahead.js";
import type { ImageStorage } from "./storage.js";

/** Which images have been asked of the storage, in order; those of index 90 and more cannot be read. */
const asked = vi.hoisted(() => [] as number[]);
vi.mock("./reader.js", () => ({
  readImage: (storage: ImageStorage, index: number) => {
    asked.push(index);
    const image = { data: new Uint8Array([index]), width: 1, height: 1, channels: 1 };
    if (storage.kind === "memory") return image;
    return index < 90 ? Promise.resolve(image) : Promise.reject(new Error(`no image ${index}`));
  },
}));

const files: ImageStorage = {
  kind: "files",
  root: "/",
  paths: [],
  channels: 1,
  shorterSide: undefined,
};
const memory: ImageStorage = {
  kind: "memory",
  pixels: new SharedArrayBuffer(8),
  width: 1,
  height: 1,
  channels: 1,
  rows: undefined,
};
const level = async (image: unknown) => ((await image) as { data: Uint8Array }).data[0];

beforeEach(() => {
  asked.length = 0;
});

describe("reading ahead", () => {
  it("gives the images in order, each read once, two before they are wanted", async () => {
    const queue = readAhead(files).open(Int32Array.of(5, 7, 5, 8));
    expect(asked).toEqual([5, 7]);
    for (const [taken, expected] of [5, 7, 5, 8].entries()) {
      expect(await level(queue.next())).toBe(expected);
      expect(asked).toEqual([5, 7, 5, 8].slice(0, taken + 3));
    }
  });

  it("goes on with the next batch while one comes to its end", async () => {
    const reader = readAhead(files);
    const first = reader.open(Int32Array.of(0, 1, 2));
    const second = reader.open(Int32Array.of(10, 11, 12));
    expect(asked).toEqual([0, 1]);
    first.next();
    expect(asked).toEqual([0, 1, 2]);
    first.next();
    expect(asked).toEqual([0, 1, 2, 10]);
    first.next();
    expect(asked).toEqual([0, 1, 2, 10, 11]);
    expect(await level(second.next())).toBe(10);
    expect(asked).toEqual([0, 1, 2, 10, 11, 12]);
  });

  it("forgets what is left of a batch that is given up, and goes on with the next", async () => {
    const reader = readAhead(files);
    const first = reader.open(Int32Array.of(0, 91, 92, 93));
    const second = reader.open(Int32Array.of(10, 11));
    first.next();
    // The failure of the second, which is being read, ends nothing; whoever takes it is told.
    await expect(first.next()).rejects.toThrow("no image 91");
    first.close();
    expect(await level(second.next())).toBe(10);
    expect(await level(second.next())).toBe(11);
    expect(asked).toEqual([0, 91, 92, 93, 10, 11]);
  });

  it("does not keep images in memory waiting", () => {
    const queue = readAhead(memory).open(Int32Array.of(3, 1));
    expect(asked).toEqual([]);
    expect(queue.next()).not.toBeInstanceOf(Promise);
    expect(asked).toEqual([3]);
  });
});
