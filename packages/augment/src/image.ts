import { requireOption, SitError } from "@sitjs/core/errors";

/**
 * A picture on the host: rows from the top, pixels from the left, channels interleaved, `data[(y * width + x) * channels + c]`.
 * Bytes are levels 0 to 255, and every operation on them rounds and clips as Pillow (PIL) does, which is what
 * the published pipelines compute. Floats are 0 to 1, unrounded, as torchvision's tensor path.
 */
export interface Image {
  readonly data: Uint8Array | Uint8ClampedArray | Float32Array;
  readonly width: number;
  readonly height: number;
  /** 1: grey, 3: red, green, blue. */
  readonly channels: 1 | 3;
}

/** A side length for both sides, or the two sides; pixels. */
export type Size = number | { readonly height: number; readonly width: number };

/** A rectangle of whole pixels inside an image. */
export interface Box {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** The sides of a `Size`; throws `SitError("bad-option")` naming `option` unless they are positive integers. */
export function sidesOf(size: Size, option = "size"): { height: number; width: number } {
  const height = typeof size === "number" ? size : size?.height;
  const width = typeof size === "number" ? size : size?.width;
  const ok = Number.isSafeInteger(height) && height > 0 && Number.isSafeInteger(width) && width > 0;
  requireOption(ok, option, "a positive integer, or { height, width } of positive integers", size);
  return { height, width };
}

/** Throws `SitError("bad-shape")` unless the data fit the sides and channels; `label` says which image. */
export function checkImage(image: Image, label = "image"): void {
  const { data, width, height, channels } = image;
  const whole = Number.isSafeInteger(width) && width > 0 && Number.isSafeInteger(height) && height > 0;
  if (!whole || (channels !== 1 && channels !== 3)) {
    throw new SitError(
      "bad-shape",
      `${label}: expected positive integer sides and 1 or 3 channels, got ${width} x ${height} x ${channels}`,
    );
  }
  if (data.length !== width * height * channels) {
    throw new SitError(
      "bad-shape",
      `${label}: expected ${width * height * channels} values for ${width} x ${height} x ${channels}, got ${data.length}`,
    );
  }
}

/** Throws `SitError("bad-option")` unless the box lies inside the image and has an area. */
export function checkBox(image: Image, box: Box): void {
  const { top, left, height, width } = box;
  const ok =
    [top, left, height, width].every(Number.isSafeInteger) &&
    top >= 0 &&
    left >= 0 &&
    height > 0 &&
    width > 0 &&
    top + height <= image.height &&
    left + width <= image.width;
  requireOption(ok, "box", `whole pixels inside ${image.width} x ${image.height}`, box);
}

/** The pixels as `Uint8Array` (a canvas's clamped array is viewed, not copied), or `undefined` for floats. */
export function bytesOf(image: Image): Uint8Array | undefined {
  const { data } = image;
  if (data instanceof Uint8Array) return data;
  if (data instanceof Uint8ClampedArray) return new Uint8Array(data.buffer, data.byteOffset, data.length);
  return undefined;
}

/** The pixels as floats; call it where `bytesOf` said `undefined`. */
export function floatsOf(image: Image): Float32Array {
  if (image.data instanceof Float32Array) return image.data;
  throw new SitError("bad-shape", "image.data: expected Uint8Array, Uint8ClampedArray or Float32Array");
}
