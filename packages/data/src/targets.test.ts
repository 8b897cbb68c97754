import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { evalView } from "@sitjs/augment";
import { SitError } from "@sitjs/core/errors";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { scratchFolder } from "../test/scratch.js";
import { batches } from "./batches.js";
import { createDataset, memoryDataset } from "./dataset.js";
import { datasetFingerprint } from "./fingerprint.js";
import { balancedSubset, split, subset } from "./subset.js";
import { notCounted } from "./targets.js";

const classes = ["bit 0", "bit 1", "bit 2"];
/** The bits of an index, so that a row tells which sample it is of. */
const bits = (index: number) => [index & 1, (index >> 1) & 1, (index >> 2) & 1];
const indices = Array.from({ length: 8 }, (_, i) => i);
const memory = {
  pixels: Uint8Array.from(indices),
  width: 1,
  height: 1,
  channels: 1,
  classes,
} as const;
const dataset = memoryDataset({ ...memory, targets: indices.flatMap(bits) });
const views = evalView({ size: 1, mean: [0], deviation: [1] });

const scratch = scratchFolder();

describe("targets", () => {
  it("are kept by a subset and by both parts of a split, beside their images", async () => {
    expect(Array.from(subset(dataset, [5, 0, 5]).targets ?? [])).toEqual([5, 0, 5].flatMap(bits));
    for (const part of split(dataset, { share: 0.5, seed: 2 })) {
      expect(part.labels).toBeUndefined();
      for (let i = 0; i < part.length; i++) {
        const level = (await part.image(i)).data[0] as number;
        expect(Array.from(part.targets?.subarray(3 * i, 3 * i + 3) ?? [])).toEqual(bits(level));
      }
    }
  });

  it("count in the fingerprint", async () => {
    const other = indices.flatMap(bits);
    other[4] = notCounted;
    const prints = await Promise.all(
      [dataset, memoryDataset({ ...memory, targets: other }), memoryDataset(memory)].map(datasetFingerprint),
    );
    expect(new Set(prints).size).toBe(3);
    expect(await datasetFingerprint(subset(dataset, indices))).not.toBe(prints[0]); // as with labels
  });

  it("cannot be drawn by class", () => {
    expect(() => balancedSubset(dataset, { perClass: 1 })).toThrow(/with labels/);
  });
});

describe("batches of targets", () => {
  it("have the rows of their samples, and none where they are not asked for", async () => {
    for await (const batch of batches(dataset, {
      views,
      batchSize: 3,
      workers: 0,
      dropLast: false,
      seed: 4,
    })) {
      expect(batch.labels).toBeUndefined();
      expect(Array.from(batch.targets ?? [])).toEqual(Array.from(batch.indices).flatMap(bits));
    }
    for await (const { targets } of batches(dataset, { views, batchSize: 4, workers: 0, labels: false })) {
      expect(targets).toBeUndefined();
    }
  });

  it("have those of the images that take the place of bad ones, and lack those that are left out", async () => {
    const root = scratch;
    const paths = indices.map((i) => `${i}.png`);
    for (const [i, path] of paths.entries()) {
      const raw = { width: 1, height: 1, channels: 1 } as const;
      await sharp(Uint8Array.of(i * 30), { raw })
        .png()
        .toFile(join(root, path));
    }
    await writeFile(join(root, "3.png"), "not an image");
    const storage = { kind: "files", root, paths, channels: 1, shorterSide: undefined } as const;
    const files = createDataset({ name: "files", storage, classes, targets: dataset.targets });
    const common = { views, batchSize: 8, workers: 0, maximumBadShare: 0.5, onProblem: () => undefined };
    for (const badImages of ["replace", "leave-out"] as const) {
      let seen = 0;
      for await (const batch of batches(files, { ...common, badImages })) {
        seen += batch.indices.length;
        expect(batch.indices).not.toContain(3);
        expect(Array.from(batch.targets ?? [])).toEqual(Array.from(batch.indices).flatMap(bits));
      }
      expect(seen).toBe(badImages === "replace" ? 8 : 7);
    }
  });
});

describe("memoryDataset with targets", () => {
  const targets = indices.flatMap(bits);
  it.each([
    [
      "labels beside them",
      { ...memory, targets, labels: indices.map(() => 0) },
      /^targets: expected no labels/,
    ],
    ["no classes", { ...memory, targets, classes: undefined }, /^classes: expected their names/],
    ["too few", { ...memory, targets: targets.slice(1) }, /^targets: expected 8 images x 3 classes, got 23/],
    [
      "a value that is none",
      { ...memory, targets: targets.with(7, 2) },
      /^targets\[2\]\[1\] of images: .*got 2/,
    ],
    ["a share", { ...memory, targets: targets.with(7, 0.5) }, /^targets\[2\]\[1\] of images: .*got 0.5/],
  ])("refuses %s", (_, options, message) => {
    expect(() => memoryDataset(options as never)).toThrow(SitError);
    expect(() => memoryDataset(options as never)).toThrow(message);
  });

  it("takes what is not to be counted", () => {
    const some = targets.with(0, notCounted);
    expect(Array.from(memoryDataset({ ...memory, targets: some }).targets ?? [])).toEqual(some);
  });
});
