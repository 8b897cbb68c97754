import { mkdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { type ImageFolderDataset, imageFolder } from "../src/index.js";

/** Writes `count` PNG files of one colour each, all different, and opens the folder; sample `i` is the file of that number. */
export async function photoFolder(folder: string, count: number): Promise<ImageFolderDataset> {
  mkdirSync(folder, { recursive: true });
  for (let i = 0; i < count; i++) {
    const background = { r: 3 * i, g: 200 - 2 * i, b: 9 };
    const picture = sharp({ create: { width: 20 + (i % 3), height: 16, channels: 3, background } });
    await picture.png().toFile(join(folder, `${String(i).padStart(2, "0")}.png`));
  }
  return imageFolder(folder, { name: "photos" });
}
