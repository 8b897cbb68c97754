import { requireOption } from "@sitjs/core/errors";
import { type Coefficients, FIXED_BITS, type Interpolation, resizeCoefficients } from "./coefficients.js";
import { type Box, bytesOf, checkBox, floatsOf, type Image, type Size, sidesOf } from "./image.js";

const HALF = 1 << (FIXED_BITS - 1);

/** Rows of one pass wait here for the next; grows to the largest need, one per thread. */
let scratch = new Uint8Array(0);

/**
 * Cuts `box` out of the image and resizes it to `size`: first along the rows, then along the columns; pixels outside
 * the box do not count. Bytes are rounded and clipped after each pass with the fixed-point arithmetic of
 * Pillow's `Image.resize`; floats are not clipped, so bicubic may overshoot 0 and 1 (torchvision's tensor path).
 * Throws `SitError("bad-option")` for a box outside the image or an unknown interpolation.
 */
export function resizeCrop(
  image: Image,
  box: Box,
  size: Size,
  interpolation: Interpolation = "bicubic",
): Image {
  checkBox(image, box);
  requireOption(
    interpolation === "bicubic" || interpolation === "bilinear",
    "interpolation",
    '"bicubic" or "bilinear"',
    interpolation,
  );
  const { height, width } = sidesOf(size);
  const { channels } = image;
  // Pillow starts with the columns where the picture is a very tall strip; rounding makes the order visible.
  if (box.height > 100 * box.width && height < box.height && box.width !== width) {
    const strip = resizeCrop(image, box, { height, width: box.width }, interpolation);
    return resizeImage(strip, { height, width }, interpolation);
  }
  const across = box.width === width ? undefined : resizeCoefficients(box.width, width, interpolation);
  const down = box.height === height ? undefined : resizeCoefficients(box.height, height, interpolation);
  const bytes = bytesOf(image);
  const area: Area = { ...box, rowLength: image.width * channels, channels };
  if (bytes !== undefined) {
    const data = new Uint8Array(height * width * channels);
    const between = box.height * width * channels;
    if (down !== undefined && scratch.length < between) scratch = new Uint8Array(between);
    const rows = down === undefined ? data : scratch;
    if (across === undefined) copyRows(bytes, area, rows);
    else acrossBytes(bytes, area, across, width, rows);
    if (down !== undefined) downBytes(rows, down, height, width * channels, data);
    return { data, width, height, channels };
  }
  const data = new Float32Array(height * width * channels);
  const rows = down === undefined ? data : new Float32Array(box.height * width * channels);
  if (across === undefined) copyRows(floatsOf(image), area, rows);
  else acrossFloats(floatsOf(image), area, across, width, rows);
  if (down !== undefined) downFloats(rows, down, height, width * channels, data);
  return { data, width, height, channels };
}

/** Resizes the whole image to `size`; as `resizeCrop` otherwise. */
export function resizeImage(image: Image, size: Size, interpolation: Interpolation = "bicubic"): Image {
  const box = { top: 0, left: 0, height: image.height, width: image.width };
  return resizeCrop(image, box, size, interpolation);
}

interface Area extends Box {
  /** Values in a row of the whole image. */
  readonly rowLength: number;
  readonly channels: number;
}

function copyRows<P extends Uint8Array | Float32Array>(source: P, area: Area, target: P): void {
  const length = area.width * area.channels;
  for (let y = 0; y < area.height; y++) {
    const from = (area.top + y) * area.rowLength + area.left * area.channels;
    target.set(source.subarray(from, from + length), y * length);
  }
}

function acrossBytes(
  source: Uint8Array,
  area: Area,
  table: Coefficients,
  width: number,
  target: Uint8Array,
): void {
  const { starts, counts, taps, fixed } = table;
  const grey = area.channels === 1;
  let to = 0;
  for (let y = 0; y < area.height; y++) {
    const row = (area.top + y) * area.rowLength + area.left * area.channels;
    for (let x = 0; x < width; x++) {
      const first = x * taps;
      const last = first + (counts[x] as number);
      if (grey) {
        let from = row + (starts[x] as number);
        let sum = HALF;
        for (let k = first; k < last; k++) {
          sum = (sum + Math.imul(source[from++] as number, fixed[k] as number)) | 0;
        }
        target[to++] = clip(sum);
      } else {
        let from = row + (starts[x] as number) * 3;
        let red = HALF;
        let green = HALF;
        let blue = HALF;
        for (let k = first; k < last; k++) {
          const weight = fixed[k] as number;
          red = (red + Math.imul(source[from] as number, weight)) | 0;
          green = (green + Math.imul(source[from + 1] as number, weight)) | 0;
          blue = (blue + Math.imul(source[from + 2] as number, weight)) | 0;
          from += 3;
        }
        target[to] = clip(red);
        target[to + 1] = clip(green);
        target[to + 2] = clip(blue);
        to += 3;
      }
    }
  }
}

function downBytes(
  source: Uint8Array,
  table: Coefficients,
  height: number,
  rowLength: number,
  target: Uint8Array,
): void {
  const { starts, counts, taps, fixed } = table;
  for (let y = 0; y < height; y++) {
    const first = y * taps;
    const last = first + (counts[y] as number);
    const top = (starts[y] as number) * rowLength;
    const to = y * rowLength;
    let x = 0;
    // Four columns at a time share the loads of the weights and of the cache lines.
    for (; x + 3 < rowLength; x += 4) {
      let from = top + x;
      let a = HALF;
      let b = HALF;
      let c = HALF;
      let d = HALF;
      for (let k = first; k < last; k++) {
        const weight = fixed[k] as number;
        a = (a + Math.imul(source[from] as number, weight)) | 0;
        b = (b + Math.imul(source[from + 1] as number, weight)) | 0;
        c = (c + Math.imul(source[from + 2] as number, weight)) | 0;
        d = (d + Math.imul(source[from + 3] as number, weight)) | 0;
        from += rowLength;
      }
      target[to + x] = clip(a);
      target[to + x + 1] = clip(b);
      target[to + x + 2] = clip(c);
      target[to + x + 3] = clip(d);
    }
    for (; x < rowLength; x++) {
      let from = top + x;
      let sum = HALF;
      for (let k = first; k < last; k++) {
        sum = (sum + Math.imul(source[from] as number, fixed[k] as number)) | 0;
        from += rowLength;
      }
      target[to + x] = clip(sum);
    }
  }
}

/** A fixed-point sum as a level 0 to 255. */
function clip(sum: number): number {
  return Math.min(Math.max(sum >> FIXED_BITS, 0), 255);
}

function acrossFloats(
  source: Float32Array,
  area: Area,
  table: Coefficients,
  width: number,
  target: Float32Array,
): void {
  const { starts, counts, taps, weights } = table;
  const { channels } = area;
  let to = 0;
  for (let y = 0; y < area.height; y++) {
    const row = (area.top + y) * area.rowLength + area.left * channels;
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < channels; channel++) {
        let from = row + (starts[x] as number) * channels + channel;
        let sum = 0;
        for (let k = x * taps; k < x * taps + (counts[x] as number); k++) {
          sum += (source[from] as number) * (weights[k] as number);
          from += channels;
        }
        target[to++] = sum;
      }
    }
  }
}

function downFloats(
  source: Float32Array,
  table: Coefficients,
  height: number,
  rowLength: number,
  target: Float32Array,
): void {
  const { starts, counts, taps, weights } = table;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < rowLength; x++) {
      let from = (starts[y] as number) * rowLength + x;
      let sum = 0;
      for (let k = y * taps; k < y * taps + (counts[y] as number); k++) {
        sum += (source[from] as number) * (weights[k] as number);
        from += rowLength;
      }
      target[y * rowLength + x] = sum;
    }
  }
}
