import { requireOption } from "@sitjs/core/errors";
import type { Interpolation } from "./coefficients.js";
import { type Box, bytesOf, checkBox, floatsOf, type Image, type Size, sidesOf } from "./image.js";
import { resizeImage } from "./resize.js";

/** Copies a rectangle; throws `SitError("bad-option")` where it leaves the image. */
export function crop(image: Image, box: Box): Image {
  checkBox(image, box);
  const { channels } = image;
  const { top, left, height, width } = box;
  const source = bytesOf(image) ?? floatsOf(image);
  const data = like(source, height * width * channels);
  const length = width * channels;
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * image.width + left) * channels;
    data.set(source.subarray(from, from + length), y * length);
  }
  return { data, width, height, channels };
}

/** Mirrors left and right. */
export function horizontalFlip(image: Image): Image {
  const { width, height, channels } = image;
  const source = bytesOf(image) ?? floatsOf(image);
  const data = like(source, source.length);
  for (let y = 0; y < height; y++) {
    let from = y * width * channels;
    for (let x = width - 1; x >= 0; x--) {
      const to = (y * width + x) * channels;
      for (let channel = 0; channel < channels; channel++) data[to + channel] = source[from++] as number;
    }
  }
  return { data, width, height, channels };
}

/** Adds `padding` pixels of value `fill` (0 to 255; floats take it divided by 255) on each side. */
export function pad(image: Image, padding: number | Padding, fill = 0): Image {
  const { top, left, bottom, right } =
    typeof padding === "number" ? { top: padding, left: padding, bottom: padding, right: padding } : padding;
  const whole = [top, left, bottom, right].every((value) => Number.isSafeInteger(value) && value >= 0);
  requireOption(whole, "padding", "whole numbers of pixels, at least 0", padding);
  const { channels } = image;
  const source = bytesOf(image) ?? floatsOf(image);
  const width = image.width + left + right;
  const height = image.height + top + bottom;
  const data = like(source, width * height * channels);
  if (fill !== 0) data.fill(data instanceof Uint8Array ? fill : fill / 255);
  const length = image.width * channels;
  for (let y = 0; y < image.height; y++) {
    data.set(source.subarray(y * length, (y + 1) * length), ((y + top) * width + left) * channels);
  }
  return { data, width, height, channels };
}

export interface Padding {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/** The middle of the image; one smaller than `size` gets a black border first (torchvision's `center_crop`). */
export function centerCropImage(image: Image, size: Size): Image {
  const { height, width } = sidesOf(size);
  const missingRows = Math.max(0, height - image.height);
  const missingColumns = Math.max(0, width - image.width);
  const padded =
    missingRows + missingColumns === 0
      ? image
      : pad(image, {
          top: Math.floor(missingRows / 2),
          left: Math.floor(missingColumns / 2),
          bottom: Math.ceil(missingRows / 2),
          right: Math.ceil(missingColumns / 2),
        });
  const top = roundHalfEven((padded.height - height) / 2);
  const left = roundHalfEven((padded.width - width) / 2);
  return crop(padded, { top, left, height, width });
}

/**
 * Resizes with the aspect kept so that the image just covers `size`: for a square, the shorter side becomes `size`
 * and the longer one is truncated to whole pixels (torchvision's `Resize` of one number).
 */
export function resizeToCoverImage(
  image: Image,
  size: Size,
  interpolation: Interpolation = "bicubic",
): Image {
  const { height, width } = sidesOf(size);
  const tall = image.height * width >= image.width * height;
  const covered = tall
    ? { width, height: Math.max(height, Math.trunc((width * image.height) / image.width)) }
    : { height, width: Math.max(width, Math.trunc((height * image.width) / image.height)) };
  return resizeImage(image, covered, interpolation);
}

/** Python's `round`, which the reference uses: halves go to the even neighbour. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest === 0.5) return floor % 2 === 0 ? floor : floor + 1;
  return rest < 0.5 ? floor : floor + 1;
}

function like(source: Uint8Array | Float32Array, length: number): Uint8Array | Float32Array {
  return source instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length);
}
