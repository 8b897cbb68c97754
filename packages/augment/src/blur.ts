import { requireOption } from "@sitjs/core/errors";
import { bytesOf, floatsOf, type Image } from "./image.js";

/**
 * Blurs with a Gaussian of standard deviation `sigma` pixels, edges repeated. Bytes: three extended box blurs along the
 * rows, then three along the columns, each rounded, as Pillow's `GaussianBlur` (Gwosdek et al. 2011, "Theoretical
 * foundations of Gaussian convolution by extended box filtering"). Floats: the sampled Gaussian itself, cut at 6 sigma.
 * Throws `SitError("bad-option")` for a negative sigma or one above 1,000.
 */
export function blurImage(image: Image, sigma: number): Image {
  requireOption(sigma >= 0 && sigma <= 1000, "sigma", "a number from 0 to 1000", sigma);
  const { width, height, channels } = image;
  const bytes = bytesOf(image);
  if (bytes === undefined) {
    return { data: gaussianFloats(floatsOf(image), width, height, channels, sigma), width, height, channels };
  }
  const box = extendedBox(sigma);
  if (box === undefined) return { data: bytes.slice(), width, height, channels };
  const data = new Uint8Array(bytes.length);
  blurRows(bytes, data, width, height, channels, box);
  blurColumns(data, width * channels, height, box);
  return { data, width, height, channels };
}

const PASSES = 3;
const UNIT = 1 << 24;
const HALF = 1 << 23;

/** A box of 2 radius + 1 pixels with weight `inner`, and one more on each side with `outer`; units of 2^-24. */
interface ExtendedBox {
  readonly radius: number;
  readonly inner: number;
  readonly outer: number;
}

/** The box whose three-fold convolution has the variance of the Gaussian; its size becomes a 32-bit float, as in Pillow. */
function extendedBox(sigma: number): ExtendedBox | undefined {
  const variance = (sigma * sigma) / PASSES;
  const whole = Math.floor((Math.sqrt(12 * variance + 1) - 1) / 2);
  const fraction =
    ((2 * whole + 1) * (whole * (whole + 1) - 3 * variance)) / (6 * (variance - (whole + 1) ** 2));
  const halfWidth = Math.fround(whole + fraction);
  if (halfWidth === 0) return undefined;
  const radius = Math.trunc(halfWidth);
  const inner = Math.trunc(Math.fround(UNIT / Math.fround(halfWidth * 2 + 1)));
  return { radius, inner, outer: Math.trunc((UNIT - (2 * radius + 1) * inner) / 2) };
}

let lines: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];

function blurRows(
  source: Uint8Array,
  target: Uint8Array,
  width: number,
  height: number,
  channels: number,
  box: ExtendedBox,
): void {
  const border = box.radius + 1;
  const length = width + 2 * border;
  if (lines[0].length < length) lines = [new Uint8Array(length), new Uint8Array(length)];
  for (let y = 0; y < height; y++) {
    for (let channel = 0; channel < channels; channel++) {
      const start = y * width * channels + channel;
      let [from, to] = lines;
      for (let x = 0; x < width; x++) from[border + x] = source[start + x * channels] as number;
      for (let pass = 0; pass < PASSES; pass++) {
        from.fill(from[border] as number, 0, border);
        from.fill(from[border + width - 1] as number, border + width, length);
        boxLine(from, to, width, box);
        [from, to] = [to, from];
      }
      for (let x = 0; x < width; x++) target[start + x * channels] = from[border + x] as number;
    }
  }
}

/** One pass along a line with `radius + 1` border values on both sides of its `width` values. */
function boxLine(from: Uint8Array, to: Uint8Array, width: number, box: ExtendedBox): void {
  const { radius, inner, outer } = box;
  const border = radius + 1;
  let sum = 0;
  for (let x = border - radius; x <= border + radius; x++) sum += from[x] as number;
  for (let x = border; x < border + width; x++) {
    const edges = (from[x - border] as number) + (from[x + border] as number);
    to[x] = (Math.imul(sum, inner) + Math.imul(edges, outer) + HALF) >>> 24;
    sum += (from[x + border] as number) - (from[x - radius] as number);
  }
}

let sums = new Int32Array(0);
let second = new Uint8Array(0);

function blurColumns(data: Uint8Array, rowLength: number, height: number, box: ExtendedBox): void {
  if (sums.length < rowLength) sums = new Int32Array(rowLength);
  if (second.length < data.length) second = new Uint8Array(data.length);
  boxColumns(data, second, rowLength, height, box);
  boxColumns(second, data, rowLength, height, box);
  boxColumns(data, second, rowLength, height, box);
  data.set(second.length === data.length ? second : second.subarray(0, data.length));
}

/** One pass down all columns at once, row by row, with a running sum a column. */
function boxColumns(
  from: Uint8Array,
  to: Uint8Array,
  rowLength: number,
  height: number,
  box: ExtendedBox,
): void {
  const { radius, inner, outer } = box;
  const row = (y: number) => Math.min(Math.max(y, 0), height - 1) * rowLength;
  sums.fill(0, 0, rowLength);
  for (let y = -radius; y <= radius; y++) {
    const start = row(y);
    for (let x = 0; x < rowLength; x++) sums[x] = (sums[x] as number) + (from[start + x] as number);
  }
  for (let y = 0; y < height; y++) {
    const above = row(y - radius - 1);
    const below = row(y + radius + 1);
    const leaving = row(y - radius);
    const here = y * rowLength;
    for (let x = 0; x < rowLength; x++) {
      const sum = sums[x] as number;
      const entering = from[below + x] as number;
      const edges = (from[above + x] as number) + entering;
      to[here + x] = (Math.imul(sum, inner) + Math.imul(edges, outer) + HALF) >>> 24;
      sums[x] = sum + entering - (from[leaving + x] as number);
    }
  }
}

function gaussianFloats(
  source: Float32Array,
  width: number,
  height: number,
  channels: number,
  sigma: number,
): Float32Array {
  if (sigma === 0) return source.slice();
  const reach = Math.floor(6 * sigma + 0.5);
  const weights = Float64Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / (2 * sigma * sigma)),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const between = new Float64Array(source.length);
  const target = new Float32Array(source.length);
  // The values seen as [outer, length, inner], convolved along `length`.
  const convolve = (
    from: Float32Array | Float64Array,
    to: Float32Array | Float64Array,
    outer: number,
    length: number,
    inner: number,
  ) => {
    for (let line = 0; line < outer * inner; line++) {
      const start = Math.floor(line / inner) * length * inner + (line % inner);
      for (let i = 0; i < length; i++) {
        let sum = 0;
        for (let k = -reach; k <= reach; k++) {
          const at = Math.min(Math.max(i + k, 0), length - 1);
          sum += (from[start + at * inner] as number) * (weights[k + reach] as number);
        }
        to[start + i * inner] = sum / total;
      }
    }
  };
  convolve(source, between, height, width, channels);
  convolve(between, target, 1, height, width * channels);
  return target;
}
