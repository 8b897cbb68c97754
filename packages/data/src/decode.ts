import { readFile } from "node:fs/promises";
import type { Image } from "@sitjs/augment";
import { SitError } from "@sitjs/core/errors";
import type { Sharp, default as sharpLibrary } from "sharp";
import type { Channels } from "./storage.js";

type SharpLibrary = typeof sharpLibrary;

export interface DecodeOptions {
  readonly channels: Channels;
  /** Shrinks larger images while decoding, until the shorter side has this many pixels. */
  readonly shorterSide?: number | undefined;
}

/** More pixels than this in one file is refused: a small file can claim a size that no memory holds. */
export const maximumPixels = 100_000_000;

/**
 * Decodes a JPEG, PNG, WebP or GIF file to 8-bit sRGB (or grey) pixels: EXIF orientation applied, transparency laid
 * on white, 16-bit and CMYK converted, the first frame of an animation.
 * @throws SitError "missing-file" or "bad-file", naming the file.
 */
export async function decodeFile(path: string, options: DecodeOptions): Promise<Image> {
  const [bytes, sharp] = await Promise.all([readBytes(path), loadSharp()]);
  try {
    const { data, info } = await pipeline(sharp, bytes, options).toBuffer({ resolveWithObject: true });
    const length = info.width * info.height * options.channels;
    if (data.length !== length) throw new Error(`decoded to ${data.length} bytes instead of ${length}`);
    const pixels = new Uint8Array(data.buffer, data.byteOffset, data.length);
    return { data: pixels, width: info.width, height: info.height, channels: options.channels };
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Reads through a whole file at a small size, which costs far less than its pixels. Throws as `decodeFile`. */
export async function verifyFile(path: string, depth: "header" | "full"): Promise<void> {
  const [bytes, sharp] = await Promise.all([readBytes(path), loadSharp()]);
  try {
    if (depth === "header") await open(sharp, bytes).metadata();
    else await open(sharp, bytes).resize(16, 16, { fit: "fill", kernel: "nearest" }).raw().toBuffer();
  } catch (error) {
    throw unreadable(path, error);
  }
}

let loading: Promise<{ readonly default: SharpLibrary }> | undefined;

/** Loaded with the first file: it takes a tenth of a second, and images in memory never need it. */
async function loadSharp(): Promise<SharpLibrary> {
  loading ??= import("sharp");
  return (await loading).default;
}

function open(sharp: SharpLibrary, bytes: Buffer): Sharp {
  // A warning (an odd colour profile, bytes after the end) is no reason to lose an image; a cut-off one is.
  return sharp(bytes, { autoOrient: true, limitInputPixels: maximumPixels, failOn: "error" });
}

function pipeline(sharp: SharpLibrary, bytes: Buffer, { channels, shorterSide }: DecodeOptions): Sharp {
  let image = open(sharp, bytes);
  if (shorterSide !== undefined) {
    image = image.resize(shorterSide, shorterSide, { fit: "outside", withoutEnlargement: true });
  }
  image = image.flatten({ background: "#ffffff" });
  image = channels === 1 ? image.greyscale().toColourspace("b-w") : image.toColourspace("srgb");
  return image.raw({ depth: "uchar" });
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new SitError(missing ? "missing-file" : "bad-file", `${path}: cannot be read (${reason(error)})`, {
      cause: error,
    });
  }
}

function unreadable(path: string, error: unknown): SitError {
  return new SitError("bad-file", `${path}: expected a readable image, got: ${reason(error)}`, {
    mend: 'Remove or replace the file; imageFolder with verify: "full" leaves such files out and lists them.',
    cause: error,
  });
}

/** The first line of an error's message. */
export function reason(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] as string;
}
