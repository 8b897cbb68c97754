import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { scratchFolder } from "../../test/scratch.js";
import { datasetFolder } from "./download.js";
import { catalogue, catalogueEntry } from "./index.js";

const scratch = scratchFolder();

describe.each(catalogue.map((entry) => [entry.name, entry] as const))("%s", (_, entry) => {
  it("says where it comes from, what may be done with it, and what parts it has", () => {
    expect(entry.name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(new URL(entry.homepage).protocol).toMatch(/^https?:$/);
    expect([entry.title, entry.licence]).not.toContain("");
    expect(entry.classes).toBeGreaterThan(1);
    const names = entry.parts.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(["train", "test"]));
    for (const { images } of entry.parts) expect(images).toBeGreaterThan(0);
    expect(entry.files.length > 0 || entry.byHand !== undefined).toBe(true);
  });

  it("has files that can be fetched safely: by HTTPS, with a sum and a limit", () => {
    expect(new Set(entry.files.map(({ name }) => name)).size).toBe(entry.files.length);
    for (const { name, url, bytes, maximumBytes, md5, sha256, archive } of entry.files) {
      expect(new URL(url).protocol).toBe("https:");
      expect(name.split("/")).not.toContain("..");
      expect(name).toMatch(/^[\w.-]+(\/[\w.-]+)*$/);
      expect(sha256 ?? md5).toMatch(sha256 === undefined ? /^[0-9a-f]{32}$/ : /^[0-9a-f]{64}$/);
      expect(bytes ?? maximumBytes).toBeGreaterThan(500);
      // An archive of images holds no less than its own length.
      if (archive && bytes !== undefined) expect(archive.bytes).toBeGreaterThan(0.9 * bytes);
    }
  });

  it("refuses a part that it has not, and names those it has", async () => {
    await expect(entry.open(scratch, { part: "trian" })).rejects.toMatchObject({
      code: "bad-option",
      message: expect.stringMatching(/^part: expected .*train.*test.*, got "trian"$/),
    });
  });

  it("names the file that is missing in an empty folder", async () => {
    await expect(entry.open(scratch, { part: "train" })).rejects.toMatchObject({
      code: "missing-file",
      message: expect.stringContaining(scratch),
    });
  });
});

it("finds an entry by its name", () => {
  expect(catalogueEntry("cifar-10")?.title).toBe("CIFAR-10");
  expect(catalogueEntry("cifar")).toBeUndefined();
  expect(catalogueEntry("constructor")).toBeUndefined();
  expect(new Set(catalogue.map(({ name }) => name)).size).toBe(catalogue.length);
});

it("knows what is in the cache of data sets that are fetched by themselves", () => {
  const cacheDir = join(scratch, "cache");
  const cifar = catalogueEntry("cifar-10");
  expect(cifar?.ownSources?.isHere(cacheDir)).toBe(false);
  const folder = datasetFolder("cifar-10", cacheDir);
  expect(folder).toBe(join(cacheDir, "datasets", "cifar-10"));
  mkdirSync(folder, { recursive: true });
  for (const number of [1, 2, 3, 4, 5]) writeFileSync(join(folder, `data_batch_${number}.bin`), "");
  expect(cifar?.ownSources?.isHere(cacheDir)).toBe(false);
  writeFileSync(join(folder, "test_batch.bin"), "");
  expect(cifar?.ownSources?.isHere(cacheDir)).toBe(true);
});
