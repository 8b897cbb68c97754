import { requireOption } from "@sitjs/core/errors";
import { encode } from "fast-png";

/** Pixels row by row, channels together, 0 to 255: `data[(y * width + x) * channels + channel]`. */
export interface Picture {
  width: number;
  height: number;
  channels: 1 | 3 | 4;
  data: ArrayLike<number>;
}

/**
 * The picture as a PNG file.
 *
 * @throws SitError "bad-option" where sizes, channels and the number of pixels do not agree.
 */
export function encodePng(picture: Picture): Uint8Array {
  const { width, height, channels, data } = picture;
  requireOption(Number.isInteger(width) && width > 0, "picture.width", "a positive whole number", width);
  requireOption(Number.isInteger(height) && height > 0, "picture.height", "a positive whole number", height);
  requireOption([1, 3, 4].includes(channels), "picture.channels", "1, 3 or 4", channels);
  const size = width * height * channels;
  requireOption(
    data.length === size,
    "picture.data",
    `${size} values (width x height x channels)`,
    data.length,
  );
  return encode({ width, height, channels, depth: 8, data: Uint8ClampedArray.from(data) });
}

/** The picture as a `data:image/png;base64,…` address for an `<img>`. Throws as `encodePng`. */
export function pngDataUrl(picture: Picture): string {
  return pngFileUrl(encodePng(picture));
}

/** A PNG file as such an address. */
export function pngFileUrl(bytes: Uint8Array): string {
  let binary = "";
  // In parts, since the arguments of one call are limited.
  for (let start = 0; start < bytes.length; start += 8192)
    binary += String.fromCharCode(...bytes.subarray(start, start + 8192));
  return `data:image/png;base64,${btoa(binary)}`;
}

/** A mask (0 kept, anything else corrupted) as a black and white picture: corrupted is white. */
export function maskPicture(mask: Picture): Picture {
  return { ...mask, data: Uint8ClampedArray.from(mask.data, (value) => (value === 0 ? 0 : 255)) };
}
