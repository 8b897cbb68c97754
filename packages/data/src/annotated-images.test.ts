import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { scratchFolder } from "../test/scratch.js";
import { type AnnotatedImagesOptions, type Annotations, annotatedImages, notCounted } from "./index.js";

const folder = scratchFolder();
const quiet = { onProblem: () => undefined };

beforeAll(async () => {
  const files = ["b.png", "a.png", "deep/c.png", "caf\u00e9.png", "spare.png"];
  for (const [level, file] of files.entries()) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    await sharp({ create: { width: 3, height: 2, channels: 3, background: { r: level, g: 0, b: 0 } } })
      .png()
      .toFile(join(folder, file));
  }
  writeFileSync(join(folder, "broken.png"), "<html>");
  writeFileSync(join(folder, "old.bmp"), "BM");
  writeFileSync(join(folder, "notes.txt"), "nothing");
});

const annotations = (files: readonly string[]): Annotations => ({
  classes: ["cat", "dog", "cow"],
  samples: files.map((file, i) => ({ file, labels: [[0, 2], [], [1]][i % 3] as number[] })),
});
const open = (files: readonly string[], options: AnnotatedImagesOptions = {}) =>
  annotatedImages(folder, annotations(files), { ...quiet, ...options });

describe("annotatedImages", () => {
  it("gives the images in the annotations' order with what each shows", async () => {
    const images = await open(["deep/c.png", "a.png", "b.png"]);
    expect(images.labels).toBeUndefined();
    expect(images.classes).toEqual(["cat", "dog", "cow"]);
    expect(Array.from(images.targets)).toEqual([1, 0, 1, 0, 0, 0, 0, 1, 0]);
    const levels = await Promise.all([0, 1, 2].map(async (i) => (await images.image(i)).data[0]));
    expect(levels).toEqual([2, 1, 0]);
    expect(images.problems).toEqual([]);
    expect(images.unannotated).toEqual(["broken.png", "caf\u00e9.png", "spare.png"]);
  });

  it("keeps apart what does not count, but for what is shown as well", async () => {
    const { targets } = await annotatedImages(folder, {
      classes: ["cat", "dog", "cow"],
      samples: [{ file: "a.png", labels: [1], notCounted: [1, 2] }],
    });
    expect(Array.from(targets)).toEqual([0, 1, notCounted]);
  });

  it("finds a name in Unicode's other form", async () => {
    const images = await open(["cafe\u0301.png"]);
    expect((await images.image(0)).data[0]).toBe(3);
  });

  it("lists images that are missing or cannot be read, each with its kind, and leaves their targets out", async () => {
    const told: string[] = [];
    const files = ["gone.png", "a.png", "broken.png", "old.bmp", "b.png"];
    const images = await open(files, { maximumBadShare: 0.7, onProblem: ({ path }) => told.push(path) });
    expect(images.problems.map(({ path, kind }) => [path, kind])).toEqual([
      ["broken.png", "not-an-image"],
      ["gone.png", "missing"],
      ["old.bmp", "unsupported-format"],
    ]);
    expect(told).toEqual(["broken.png", "gone.png", "old.bmp"]);
    expect(Array.from(images.targets)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(images.length).toBe(2);
  });

  it("refuses where too many are missing or unreadable, or all of them", async () => {
    const share = open(["gone.png", "a.png", "b.png"]);
    await expect(share).rejects.toThrow(
      /at most 10\.0 % .*got 1 of 3 .*gone\.png \(in the annotations, but no such image in the folder\)/,
    );
    await expect(open(["gone.png"], { maximumBadShare: 1 })).rejects.toThrow(/at least one readable image/);
    const untold = open(["a.png", "broken.png"], { maximumBadShare: 0, verify: "header" });
    await expect(untold).rejects.toThrow(/every image to be readable/);
  });

  it("refuses images without annotation where they are an error", async () => {
    await expect(open(["a.png"], { unannotated: "error" })).rejects.toThrow(
      /expected an annotation for every image, got none for b\.png, broken\.png, caf.* and 2 more/,
    );
  });

  it("refuses a file that is named twice in two Unicode forms, no images, and bad options", async () => {
    await expect(open(["caf\u00e9.png", "cafe\u0301.png"])).rejects.toThrow(/each image once/);
    await expect(open([])).rejects.toThrow(/^annotations: /);
    await expect(open(["a.png"], { unannotated: "skip" as never })).rejects.toThrow(/^unannotated: /);
    await expect(open(["a.png"], { channels: 2 as never })).rejects.toThrow(/^channels: /);
    await expect(annotatedImages(join(folder, "nowhere"), annotations(["a"]))).rejects.toThrow(
      /got nothing at this path/,
    );
  });
});
