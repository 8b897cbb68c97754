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

/** Workspace that grows to the largest need; one per thread. */
let lineSpace: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];
let sumSpace = new Int32Array(0);
let imageSpace = new Uint8Array(0);

function blurRows(
  source: Uint8Array,
  target: Uint8Array,
  width: number,
  height: number,
  channels: number,
  box: ExtendedBox,
): void {
  const border = (box.radius + 1) * channels;
  const rowLength = width * channels;
  const length = rowLength + 2 * border;
  if (lineSpace[0].length < length) lineSpace = [new Uint8Array(length), new Uint8Array(length)];
  for (let y = 0; y < height; y++) {
    let [from, to] = lineSpace;
    from.set(source.subarray(y * rowLength, (y + 1) * rowLength), border);
    for (let pass = 0; pass < PASSES; pass++) {
      for (let i = 0; i < border; i++) {
        from[i] = from[border + (i % channels)] as number;
        from[border + rowLength + i] = from[border + rowLength - channels + (i % channels)] as number;
      }
      boxLine(from, to, rowLength, channels, box);
      [from, to] = [to, from];
    }
    target.set(from.subarray(border, border + rowLength), y * rowLength);
  }
}

/** One pass along a row that has `radius + 1` border pixels on both sides of its `rowLength` values. */
function boxLine(
  from: Uint8Array,
  to: Uint8Array,
  rowLength: number,
  channels: number,
  { radius, inner, outer }: ExtendedBox,
): void {
  const border = (radius + 1) * channels;
  if (radius === 0) {
    for (let x = border; x < border + rowLength; x++) {
      const edges = (from[x - channels] as number) + (from[x + channels] as number);
      to[x] = weigh(from[x] as number, inner, edges, outer);
    }
    return;
  }
  for (let channel = 0; channel < channels; channel++) {
    let sum = 0;
    for (let x = channels + channel; x < border + border; x += channels) sum += from[x] as number;
    for (let x = border + channel; x < border + rowLength; x += channels) {
      const entering = from[x + border] as number;
      to[x] = weigh(sum, inner, (from[x - border] as number) + entering, outer);
      sum += entering - (from[x - border + channels] as number);
    }
  }
}

/** A rounded weighted sum; the multiplications stay below 2^32, the additions are meant modulo that. */
function weigh(sum: number, inner: number, edges: number, outer: number): number {
  return (((Math.imul(sum, inner) + Math.imul(edges, outer)) | 0) + HALF) >>> 24;
}

function blurColumns(data: Uint8Array, rowLength: number, height: number, box: ExtendedBox): void {
  if (imageSpace.length < data.length) imageSpace = new Uint8Array(data.length);
  const other = imageSpace;
  boxColumns(data, other, rowLength, height, box);
  boxColumns(other, data, rowLength, height, box);
  boxColumns(data, other, rowLength, height, box);
  data.set(other.subarray(0, data.length));
}

/** One pass down all columns at once, row by row, with a running sum a column. */
function boxColumns(
  from: Uint8Array,
  to: Uint8Array,
  rowLength: number,
  height: number,
  { radius, inner, outer }: ExtendedBox,
): void {
  const row = (y: number) => Math.min(Math.max(y, 0), height - 1) * rowLength;
  if (radius === 0) {
    for (let y = 0; y < height; y++) {
      const above = row(y - 1);
      const below = row(y + 1);
      const here = y * rowLength;
      for (let x = 0; x < rowLength; x++) {
        const edges = (from[above + x] as number) + (from[below + x] as number);
        to[here + x] = weigh(from[here + x] as number, inner, edges, outer);
      }
    }
    return;
  }
  if (sumSpace.length < rowLength) sumSpace = new Int32Array(rowLength);
  const sums = sumSpace;
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
      to[here + x] = weigh(sum, inner, (from[above + x] as number) + entering, outer);
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
