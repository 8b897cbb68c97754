import { requireOption } from "@sitjs/core/errors";
import type { Interpolation } from "./coefficients.js";
import { bytesOf, type Image } from "./image.js";

/**
 * Where a pixel of the result comes from: (x, y) from (a x + b y + c, d x + e y + f), counted from the top left corner,
 * so that the middle of the first pixel is (0.5, 0.5).
 */
export type AffineMatrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

export interface AffineOptions {
  /** "bicubic" unless told. */
  readonly interpolation?: Interpolation;
  /** Level of what comes from outside, one for all channels or one each (0). */
  readonly fill?: number | readonly number[];
}

/**
 * An image of the same sides whose pixels come from where `matrix` says, with the arithmetic of Pillow's
 * `Image.transform`: bicubic with a = -1, border pixels repeated, results truncated. Bytes only.
 *
 * @throws SitError "bad-option" for an image of floats or another interpolation
 */
export function affineImage(image: Image, matrix: AffineMatrix, options: AffineOptions = {}): Image {
  const { interpolation = "bicubic", fill = 0 } = options;
  const { width, height, channels } = image;
  const source = requireBytes(image);
  const known = interpolation === "bicubic" || interpolation === "bilinear";
  requireOption(known, "interpolation", '"bicubic" or "bilinear"', interpolation);
  const levels = fillLevels(fill, channels);
  const data = new Uint8Array(source.length);
  const sample = interpolation === "bicubic" ? bicubic : bilinear;
  const [a, b, c, d, e, f] = matrix;
  let to = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const fromX = a * (x + 0.5) + b * (y + 0.5) + c;
      const fromY = d * (x + 0.5) + e * (y + 0.5) + f;
      if (fromX < 0 || fromX >= width || fromY < 0 || fromY >= height) {
        for (let channel = 0; channel < channels; channel++) data[to + channel] = levels[channel] as number;
      } else sample(source, image, fromX - 0.5, fromY - 0.5, data, to);
      to += channels;
    }
  }
  return { data, width, height, channels };
}

/** Turns counter-clockwise around the middle, as Pillow's `Image.rotate`; the corners are filled. */
export function rotateImage(image: Image, degrees: number, options?: AffineOptions): Image {
  if (degrees % 360 === 0) return image;
  const { width, height } = image;
  const angle = (-degrees * Math.PI) / 180;
  // Pillow rounds to 15 digits, so that a quarter turn is one.
  const [cos, sin] = [Number(Math.cos(angle).toFixed(15)), Number(Math.sin(angle).toFixed(15))];
  const [x, y] = [width / 2, height / 2];
  return affineImage(image, [cos, sin, x - cos * x - sin * y, -sin, cos, y + sin * x - cos * y], options);
}

/** Moves each row by `shift` pixels for every row above it; positive: to the left, the farther down the more. */
export function shearX(image: Image, shift: number, options?: AffineOptions): Image {
  return affineImage(image, [1, shift, 0, 0, 1, 0], options);
}

/** Moves each column by `shift` pixels for every column left of it; positive: up, the farther right the more. */
export function shearY(image: Image, shift: number, options?: AffineOptions): Image {
  return affineImage(image, [1, 0, 0, shift, 1, 0], options);
}

/** Moves the image by `x` pixels to the left and `y` up. */
export function translateImage(image: Image, x: number, y: number, options?: AffineOptions): Image {
  return affineImage(image, [1, 0, x, 0, 1, y], options);
}

/** The image's bytes. */
export function requireBytes(image: Image): Uint8Array {
  const source = bytesOf(image);
  requireOption(source !== undefined, "image.data", "bytes", "floats");
  return source as Uint8Array;
}

/** One level a channel; of a colour for a grey image the mean. */
function fillLevels(fill: number | readonly number[], channels: number): readonly number[] {
  const given = typeof fill === "number" ? [fill] : fill;
  if (given.length === channels) return given;
  const mean = Math.round(given.reduce((sum, level) => sum + level, 0) / given.length);
  return Array.from({ length: channels }, () => mean);
}

type Sides = Pick<Image, "width" | "height" | "channels">;

/** Writes all channels of the point (x, y), counted from the middle of the first pixel, to `to` on. */
function bicubic(
  source: Uint8Array,
  { width, height, channels }: Sides,
  x: number,
  y: number,
  target: Uint8Array,
  to: number,
): void {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [alongX, alongY] = [x - left, y - top];
  const x0 = clamped(left - 1, width) * channels;
  const x1 = clamped(left, width) * channels;
  const x2 = clamped(left + 1, width) * channels;
  const x3 = clamped(left + 2, width) * channels;
  const rowLength = width * channels;
  const y0 = clamped(top - 1, height) * rowLength;
  const y1 = clamped(top, height) * rowLength;
  const y2 = clamped(top + 1, height) * rowLength;
  const y3 = clamped(top + 2, height) * rowLength;
  for (let channel = 0; channel < channels; channel++) {
    const row = (start: number): number =>
      cubic(
        source[start + x0] as number,
        source[start + x1] as number,
        source[start + x2] as number,
        source[start + x3] as number,
        alongX,
      );
    const value = cubic(row(y0 + channel), row(y1 + channel), row(y2 + channel), row(y3 + channel), alongY);
    target[to + channel] = value <= 0 ? 0 : value >= 255 ? 255 : value;
  }
}

/** Keys' cubic with a = -1 through four values, at `t` between the second and the third. */
function cubic(v0: number, v1: number, v2: number, v3: number, t: number): number {
  const linear = -v0 + v2;
  const square = 2 * (v0 - v1) + v2 - v3;
  const cube = -v0 + v1 - v2 + v3;
  return v1 + t * (linear + t * (square + t * cube));
}

function bilinear(
  source: Uint8Array,
  { width, height, channels }: Sides,
  x: number,
  y: number,
  target: Uint8Array,
  to: number,
): void {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [alongX, alongY] = [x - left, y - top];
  const x0 = clamped(left, width) * channels;
  const x1 = clamped(left + 1, width) * channels;
  const y0 = clamped(top, height) * width * channels;
  const y1 = clamped(top + 1, height) * width * channels;
  for (let channel = 0; channel < channels; channel++) {
    const between = (start: number): number => {
      const first = source[start + x0] as number;
      return first + ((source[start + x1] as number) - first) * alongX;
    };
    const upper = between(y0 + channel);
    target[to + channel] = upper + (between(y1 + channel) - upper) * alongY;
  }
}

function clamped(at: number, length: number): number {
  return at < 0 ? 0 : at >= length ? length - 1 : at;
}
