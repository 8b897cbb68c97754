import sharp from "sharp";
import type { Picture, ReconstructionPictures } from "../experiment/pictures.js";

const GAP = 2;
const SMALLEST_CELL = 96;
const states = ["clean", "corrupted", "mask", "reconstruction"] as const;

/** A PNG with a column for each image; rows: clean, corrupted, mask, reconstruction. Small images are enlarged. */
export async function gridPng(images: readonly ReconstructionPictures[]): Promise<Buffer> {
  return await pictureGrid(images.map((image) => states.map((state) => image[state])));
}

/** A PNG file and its size in pixels. */
export interface Grid {
  readonly png: Buffer;
  readonly width: number;
  readonly height: number;
}

/** As `gridPng`, to be compared from epoch to epoch; rows: corrupted, reconstruction, clean. */
export async function stripPng(images: readonly ReconstructionPictures[]): Promise<Grid> {
  const columns = images.map(({ corrupted, reconstruction, clean }) => [corrupted, reconstruction, clean]);
  const png = await pictureGrid(columns);
  const { width, height } = await sharp(png).metadata();
  return { png, width, height };
}

/**
 * A PNG with a column for each list of pictures, from the top. All cells are as large as the first column's first
 * picture, where that is small enlarged; pictures of another size are fitted into them.
 */
export async function pictureGrid(columns: readonly (readonly Picture[])[]): Promise<Buffer> {
  const [[{ width: side, height: tall }]] = columns as [[Picture]];
  const zoom = Math.max(1, Math.ceil(SMALLEST_CELL / Math.max(side, tall)));
  const [cellWidth, cellHeight] = [side * zoom + GAP, tall * zoom + GAP];
  const cells = columns.flatMap((pictures, column) =>
    pictures.map(async (picture, row) => ({
      input: await fitted(picture, side * zoom, tall * zoom),
      left: GAP + column * cellWidth,
      top: GAP + row * cellHeight,
    })),
  );
  const width = GAP + columns.length * cellWidth;
  const height = GAP + Math.max(...columns.map(({ length }) => length)) * cellHeight;
  return await sharp({ create: { width, height, channels: 3, background: "white" } })
    .composite(await Promise.all(cells))
    .png()
    .toBuffer();
}

async function fitted(picture: Picture, cellWidth: number, cellHeight: number): Promise<Buffer> {
  const { data, width, height, channels } = picture;
  return await sharp(data, { raw: { width, height, channels } })
    .resize(cellWidth, cellHeight, { kernel: "nearest", fit: "fill" })
    .png()
    .toBuffer();
}
