import sharp from "sharp";
import type { Picture, ReconstructionPictures } from "../experiment/pictures.js";

const GAP = 2;
const SMALLEST_CELL = 96;
const states = ["clean", "corrupted", "mask", "reconstruction"] as const;

/** A PNG with a column for each image; rows: clean, corrupted, mask, reconstruction. Small images are enlarged. */
export async function gridPng(images: readonly ReconstructionPictures[]): Promise<Buffer> {
  const { width: side, height: tall } = (images[0] as ReconstructionPictures).clean;
  const zoom = Math.max(1, Math.ceil(SMALLEST_CELL / Math.max(side, tall)));
  const [cellWidth, cellHeight] = [side * zoom + GAP, tall * zoom + GAP];
  const cells = images.flatMap((image, column) =>
    states.map(async (state, row) => ({
      input: await enlarged(image[state], zoom),
      left: GAP + column * cellWidth,
      top: GAP + row * cellHeight,
    })),
  );
  const width = GAP + images.length * cellWidth;
  const height = GAP + states.length * cellHeight;
  return await sharp({ create: { width, height, channels: 3, background: "white" } })
    .composite(await Promise.all(cells))
    .png()
    .toBuffer();
}

async function enlarged({ data, width, height, channels }: Picture, zoom: number): Promise<Buffer> {
  return await sharp(data, { raw: { width, height, channels } })
    .resize(width * zoom, height * zoom, { kernel: "nearest" })
    .png()
    .toBuffer();
}
