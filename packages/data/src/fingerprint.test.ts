import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { memoryDataset } from "./dataset.js";
import { datasetFingerprint } from "./fingerprint.js";
import { imageFolder } from "./image-folder.js";
import { subset } from "./subset.js";

let scratch = "";
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "sitjs-fingerprint-"));
  for (const name of ["a", "b"]) {
    await mkdir(join(scratch, "photos", name), { recursive: true });
    for (const file of ["1.png", "2.png"]) await writeFile(join(scratch, "photos", name, file), file + name);
  }
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

const ofFolder = async (path = join(scratch, "photos")) =>
  await datasetFingerprint(await imageFolder(path, { verify: "none" }));

describe("datasetFingerprint of a folder", () => {
  it("is the same wherever the folder lies", async () => {
    const before = await ofFolder();
    expect(before).toMatch(/^[0-9a-f]{64}$/);
    await rename(join(scratch, "photos"), join(scratch, "moved"));
    expect(await ofFolder(join(scratch, "moved"))).toBe(before);
  });

  it.each([
    ["a file less", () => rm(join(scratch, "photos", "a", "1.png"))],
    ["a file more", () => writeFile(join(scratch, "photos", "a", "3.png"), "3")],
    ["another size", () => writeFile(join(scratch, "photos", "a", "1.png"), "longer than before")],
    [
      "another name",
      () => rename(join(scratch, "photos", "a", "1.png"), join(scratch, "photos", "a", "0.png")),
    ],
    [
      "another class",
      () => rename(join(scratch, "photos", "a", "1.png"), join(scratch, "photos", "b", "0.png")),
    ],
  ])("changes with %s", async (_, change) => {
    const before = await ofFolder();
    await change();
    expect(await ofFolder()).not.toBe(before);
  });

  it("is told also where a file has gone since the folder was read", async () => {
    const photos = await imageFolder(join(scratch, "photos"), { verify: "none" });
    const before = await datasetFingerprint(photos);
    await rm(join(scratch, "photos", "b", "2.png"));
    expect(await datasetFingerprint(photos)).not.toBe(before);
  });
});

describe("datasetFingerprint of pixels", () => {
  const make = (values: number[], labels?: number[]) =>
    memoryDataset({ pixels: Uint8Array.from(values), width: 1, height: 2, channels: 1, labels });

  it("depends on pixels, labels, shape, and which samples in which order; on nothing else", async () => {
    const all = make([1, 2, 3, 4, 5, 6], [0, 1, 0]);
    const others = [
      make([1, 2, 3, 4, 5, 7], [0, 1, 0]),
      make([1, 2, 3, 4, 5, 6], [0, 1, 1]),
      make([1, 2, 3, 4, 5, 6]),
      memoryDataset({
        pixels: Uint8Array.of(1, 2, 3, 4, 5, 6),
        width: 2,
        height: 1,
        channels: 1,
        labels: [0, 1, 0],
      }),
      subset(all, [0, 1]),
      subset(all, [1, 0]),
    ];
    const prints = await Promise.all([all, ...others].map(datasetFingerprint));
    expect(new Set(prints).size).toBe(prints.length);
    expect(await datasetFingerprint(make([1, 2, 3, 4, 5, 6], [0, 1, 0]))).toBe(prints[0]);
  });
});
