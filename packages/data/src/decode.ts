import type { Image } from "@sitjs/augment";
import type { Sharp, default as sharpLibrary } from "sharp";
import { isCutOff } from "./cut-off.js";
import { ImageError } from "./image-error.js";
import { type ImageFile, readImageFile } from "./image-file.js";
import type { Channels } from "./storage.js";

export { reason } from "./image-error.js";

type SharpLibrary = typeof sharpLibrary;

export interface DecodeOptions {
  readonly channels: Channels;
  /** Shrinks larger images while decoding, until the shorter side has this many pixels. */
  readonly shorterSide?: number | undefined;
  /** More pixels than this in one file is refused; default 100 million. */
  readonly maximumPixels?: number | undefined;
}

/** The default of `maximumPixels`: a small file can claim a size that no memory holds. */
export const defaultMaximumPixels = 100_000_000;

/**
 * Decodes a JPEG, PNG, WebP or GIF file to 8-bit sRGB (or grey) pixels: EXIF orientation applied, transparency laid
 * on white, 16-bit and CMYK converted, the first frame of an animation. The format is told by the content.
 * @throws ImageError ("missing-file" or "bad-file"), naming the file and what is wrong with it
 */
export async function decodeFile(path: string, options: DecodeOptions): Promise<Image> {
  return await decodeImage(path, readImageFile(path), options);
}

/** Decodes what has been read of an image, called `path` in errors; else as `decodeFile`. */
export async function decodeImage(
  path: string,
  read: Promise<ImageFile>,
  options: DecodeOptions,
): Promise<Image> {
  const { channels, maximumPixels = defaultMaximumPixels } = options;
  const [file, sharp] = await Promise.all([read, loadSharp()]);
  try {
    const image = pipeline(open(sharp, file, maximumPixels), options);
    const { data, info } = await image.toBuffer({ resolveWithObject: true });
    const length = info.width * info.height * channels;
    if (data.length !== length) throw new Error(`decoded to ${data.length} bytes instead of ${length}`);
    const pixels = new Uint8Array(data.buffer, data.byteOffset, data.length);
    return { data: pixels, width: info.width, height: info.height, channels };
  } catch (error) {
    throw await diagnose(sharp, path, file, maximumPixels, error);
  }
}

/**
 * Reads through a whole file ("full") at a small size, which costs less than its pixels, or its header alone. What
 * passes in full will be decoded later. Throws as `decodeFile`.
 */
export async function verifyFile(
  path: string,
  depth: "header" | "full",
  maximumPixels = defaultMaximumPixels,
): Promise<void> {
  await verifyImage(path, readImageFile(path), depth, maximumPixels);
}

/** Reads through what has been read of an image, called `path` in errors; else as `verifyFile`. */
export async function verifyImage(
  path: string,
  read: Promise<ImageFile>,
  depth: "header" | "full",
  maximumPixels = defaultMaximumPixels,
): Promise<void> {
  const [file, sharp] = await Promise.all([read, loadSharp()]);
  try {
    const image = open(sharp, file, maximumPixels);
    if (depth === "header") {
      await image.metadata();
      return;
    }
    // Not "nearest", which leaves the last rows unread.
    await image.resize(16, 16, { fit: "fill", kernel: "linear" }).raw().toBuffer();
  } catch (error) {
    throw await diagnose(sharp, path, file, maximumPixels, error);
  }
  // The last rows of a JPEG that is shrunk while it is decoded may be missing without a word.
  if (isCutOff(file.bytes, file.format)) throw cutOff(path);
}

let loading: Promise<{ readonly default: SharpLibrary }> | undefined;

/** Loaded with the first file: it takes a tenth of a second, and images in memory never need it. */
async function loadSharp(): Promise<SharpLibrary> {
  loading ??= import("sharp");
  return (await loading).default;
}

function open(sharp: SharpLibrary, { bytes }: ImageFile, maximumPixels: number | false): Sharp {
  // A warning (an odd colour profile, bytes after the end) is no reason to lose an image; a cut-off one is.
  return sharp(bytes, { autoOrient: true, limitInputPixels: maximumPixels, failOn: "error" });
}

function pipeline(image: Sharp, { channels, shorterSide }: DecodeOptions): Sharp {
  const shrunk =
    shorterSide === undefined
      ? image
      : image.resize(shorterSide, shorterSide, { fit: "outside", withoutEnlargement: true });
  const opaque = shrunk.flatten({ background: "#ffffff" });
  const coloured = channels === 1 ? opaque.greyscale().toColourspace("b-w") : opaque.toColourspace("srgb");
  return coloured.raw({ depth: "uchar" });
}

/**
 * Why a file could not be decoded, found out from its bytes: the decoder's own messages are terse, and those of images
 * that fail side by side get mixed up. They are kept as the cause.
 */
async function diagnose(
  sharp: SharpLibrary,
  path: string,
  file: ImageFile,
  maximumPixels: number,
  cause: unknown,
): Promise<ImageError> {
  const header = await open(sharp, file, false)
    .metadata()
    .catch(() => undefined);
  if (header && header.width * header.height > maximumPixels) {
    const size = `${header.width} x ${header.height} pixels, more than maximumPixels (${maximumPixels})`;
    return new ImageError(path, "too-large", size, cause);
  }
  if (isCutOff(file.bytes, file.format)) return cutOff(path, cause);
  const name = file.format === "webp" ? "WebP" : file.format.toUpperCase();
  const what = header ? "pixels" : "header";
  return new ImageError(path, "damaged", `a damaged ${name} file whose ${what} cannot be decoded`, cause);
}

function cutOff(path: string, cause?: unknown): ImageError {
  return new ImageError(path, "truncated", "a file that ends before its image does", cause);
}
