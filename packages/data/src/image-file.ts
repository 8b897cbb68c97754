import { constants, type Stats } from "node:fs";
import { open, stat } from "node:fs/promises";
import { accessError, ImageError } from "./image-error.js";
import { type ImageFormat, sniff, unsupportedReason } from "./image-format.js";

/** No image of the largest size allowed takes more than 8 bytes for each pixel; a longer file is not read. */
export const MAXIMUM_FILE_BYTES = 2 ** 30;

/** As much is read of a file before it is known to be an image. */
const HEAD_BYTES = 2 ** 20;

export interface ImageFile {
  readonly bytes: Buffer;
  readonly format: ImageFormat;
}

/**
 * Reads a file that is a JPEG, PNG, WebP or GIF by its first bytes. Only regular files are opened: a pipe would wait
 * for its writer, and opening a device may do something already.
 * @throws ImageError saying why there is no such image
 */
export async function readImageFile(path: string): Promise<ImageFile> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new ImageError(path, "not-a-file", typeOfEntry(found));
    return await readRegularFile(path, found.size);
  } catch (error) {
    throw error instanceof ImageError ? error : await accessError(path, error);
  }
}

async function readRegularFile(path: string, size: number): Promise<ImageFile> {
  if (size === 0) throw new ImageError(path, "empty", "an empty file (0 bytes)");
  if (size > MAXIMUM_FILE_BYTES) {
    const got = `a file of ${(size / 2 ** 30).toFixed(1)} GiB, more than the 1 GiB that is read`;
    throw new ImageError(path, "too-large", got);
  }
  // Without blocking: a pipe that has taken the file's place meanwhile gives nothing instead of waiting.
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    // Memory of its own, not Node's pool: the decoder holds it from another thread.
    let bytes = Buffer.allocUnsafeSlow(Math.min(size, HEAD_BYTES));
    let length = await fill(bytes, 0);
    const format = imageFormat(path, bytes.subarray(0, length));
    if (length === HEAD_BYTES && size > HEAD_BYTES) {
      const whole = Buffer.allocUnsafeSlow(size);
      bytes.copy(whole);
      bytes = whole;
      length = await fill(bytes, length);
    }
    return { bytes: bytes.subarray(0, length), format };
  } finally {
    await handle.close();
  }

  /** Reads until `buffer` is full or the file at its end, and tells how far that is. */
  async function fill(buffer: Buffer, from: number): Promise<number> {
    let filled = from;
    while (filled < buffer.length) {
      const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled;
  }
}

/**
 * The format of an image by its first bytes.
 * @throws ImageError saying what they are instead
 */
export function imageFormat(path: string, bytes: Buffer): ImageFormat {
  const sniffed = sniff(bytes);
  if (!("format" in sniffed)) throw new ImageError(path, sniffed.kind, wordsFor(sniffed));
  return sniffed.format;
}

function wordsFor({ kind, is }: { kind: string; is: string }): string {
  return kind === "not-an-image" ? `no image but ${is}` : unsupportedReason(is);
}

/** What an entry is that is no regular file, in words. */
export function typeOfEntry(entry: Pick<Stats, "isDirectory" | "isFIFO" | "isSocket">): string {
  if (entry.isDirectory()) return "a folder";
  if (entry.isFIFO()) return "a pipe (FIFO)";
  return entry.isSocket() ? "a socket" : "a device";
}
