import { copyFileSync, linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { randomStream } from "@sitjs/core/random";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { scratchFolder } from "../test/scratch.js";
import { imageFolder, memoryDataset, parquetDataset, sharedImages, subset } from "./index.js";

const scratch = scratchFolder();

/** A noisy picture, so that its file is longer than what is compared of it. */
async function picture(seed: number): Promise<Buffer> {
  const rng = randomStream(seed, "picture");
  const pixels = Uint8Array.from({ length: 64 * 64 * 3 }, () => rng.integer(0, 256));
  return await sharp(pixels, { raw: { width: 64, height: 64, channels: 3 } })
    .png({ compressionLevel: 0 })
    .toBuffer();
}

async function folder(name: string, seeds: readonly number[]): Promise<string> {
  const path = join(scratch, name);
  mkdirSync(path);
  for (const seed of seeds) writeFileSync(join(path, `${seed}.png`), await picture(seed));
  return path;
}

describe("images of two datasets", () => {
  it("are found where the files are the same, by copy or by link, whatever their names", async () => {
    const train = await folder("train", [1, 2, 3]);
    const test = await folder("test", [4, 5]);
    const open = async () => [await imageFolder(test), await imageFolder(train)] as const;
    // All files have the same size here; only what is in them differs.
    expect(await sharedImages(...(await open()))).toEqual([]);
    copyFileSync(join(train, "2.png"), join(test, "copied.png"));
    linkSync(join(train, "3.png"), join(test, "linked.png"));
    symlinkSync("copied.png", join(test, "named again.png"));
    const [tested, trained] = await open();
    expect(await sharedImages(tested, trained)).toEqual([
      { image: "copied.png", other: "2.png" },
      { image: "linked.png", other: "3.png" },
      { image: "named again.png", other: "2.png" },
    ]);
    const signal = AbortSignal.abort("enough");
    await expect(sharedImages(tested, trained, { signal })).rejects.toBe("enough");
    expect(await sharedImages(subset(tested, [1]), subset(trained, [1, 2]))).toEqual([]);
    rmSync(join(test, "copied.png"));
    expect(await sharedImages(tested, trained)).toEqual([{ image: "linked.png", other: "3.png" }]);
  });

  it("are found in tables too, and none in memory", async () => {
    const at = (name: string) => fileURLToPath(new URL(`../../../fixtures/parquet/${name}`, import.meta.url));
    const some = subset(await parquetDataset(at("none.parquet")), [7, 2]);
    const others = await parquetDataset(at("data/train-00000-of-00002.parquet"));
    expect(await sharedImages(some, others)).toEqual([
      { image: "none.parquet#2/2.png", other: "train-00000-of-00002.parquet#2/2.png" },
    ]);
    const memory = memoryDataset({ pixels: new Uint8Array(12), width: 2, height: 2, channels: 3 });
    expect(await sharedImages(memory, memory)).toEqual([]);
  });
});
