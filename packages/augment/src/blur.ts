import { requireOption } from "@sitjs/core/errors";
import { bytesOf, floatsOf, type Image } from "./image.js";
import { kernelMemory, kernels, layOut } from "./kernels.js";

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
  return { data: blurBytes(bytes, image, box), width, height, channels };
}

const PASSES = 3;
const UNIT = 1 << 24;

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

/** Along the rows as down the columns of the picture turned on its side, then down its own columns. */
function blurBytes(source: Uint8Array, { width, height, channels }: Image, box: ExtendedBox): Uint8Array {
  const { transpose, boxBlurColumns } = kernels();
  const { radius, inner, outer } = box;
  const { length } = source;
  const [first, second, scratch] = layOut(length, length, 32 * Math.max(width, height)) as [
    number,
    number,
    number,
  ];
  const memory = kernelMemory();
  memory.set(source, first);
  transpose(first, width, height, channels, second);
  boxBlurColumns(second, height * channels, width, radius, inner, outer, first, scratch);
  transpose(first, height, width, channels, second);
  boxBlurColumns(second, width * channels, height, radius, inner, outer, first, scratch);
  return memory.slice(first, first + length);
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
