import { openFile } from "@sitjs/core/node";
import { ImageError } from "./image-error.js";
import { type ImageFile, imageFormat, MAXIMUM_FILE_BYTES } from "./image-file.js";
import type { EncodedStorage } from "./storage.js";

/**
 * The bytes of one image: a copy, as the decoder holds them from another thread.
 * @throws ImageError where they are no JPEG, PNG, WebP or GIF; SitError where the file that holds them cannot be read
 */
export async function readEncoded(
  { bytes: source, ranges, names }: EncodedStorage,
  index: number,
): Promise<ImageFile> {
  const name = names[index] as string;
  const [begin, length] = [ranges[2 * index] as number, ranges[2 * index + 1] as number];
  if (length > MAXIMUM_FILE_BYTES) {
    const got = `an image of ${(length / 2 ** 30).toFixed(1)} GiB, more than the 1 GiB that is read`;
    throw new ImageError(name, "too-large", got);
  }
  const bytes = Buffer.allocUnsafeSlow(length);
  if (source instanceof SharedArrayBuffer) bytes.set(new Uint8Array(source, begin, length));
  else {
    const file = await openFile(source.file);
    try {
      await file.read(begin, bytes);
    } finally {
      await file.close();
    }
  }
  return { bytes, format: imageFormat(name, bytes) };
}
