/** How pixels between the grid's points are weighted; both are antialiased when an image shrinks. */
export type Interpolation = "bicubic" | "bilinear";

/** For every output position: the first input position, how many follow, and their weights. */
export interface Coefficients {
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  /** Distance between two output positions' weights. */
  readonly taps: number;
  /** Weights that sum to 1. */
  readonly weights: Float64Array;
  /** The most input positions that an output position has. */
  readonly most: number;
  /**
   * The weights in units of 2^-22, rounded, as Pillow's 8-bit path uses them, in the form that the kernels take: for each
   * four of an output position the upper parts, then the lower 11 bits. Filled up with zeros.
   */
  readonly fixed: Int16Array;
}

/** 22 bits behind the point: 32 less 8 for a byte and 2 for overshoot and sign. */
const FIXED_UNIT = 2 ** 22;
const LOWER_BITS = 11;
const LOWER_MASK = 2 ** LOWER_BITS - 1;

/** Weights that are kept at most, some 12 bytes each: thousands of tables for small pictures, some dozens for photographs. */
const CACHE_LIMIT = 1 << 20;
const cache = new Map<string, Coefficients>();
let cached = 0;

/**
 * Weights that resize a line of `input` to `output` pixels: the kernel is widened by the shrink factor, cut at the
 * borders and normalised (Pillow's resampling; bicubic is Keys 1981 with a = -0.5). Recent tables are kept.
 */
export function resizeCoefficients(
  input: number,
  output: number,
  interpolation: Interpolation,
): Coefficients {
  const key = `${interpolation} ${input} ${output}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const made = makeCoefficients(input, output, interpolation);
  cached += made.weights.length;
  cache.set(key, made);
  for (const [oldest, table] of cache) {
    if (cached <= CACHE_LIMIT) break;
    cache.delete(oldest);
    cached -= table.weights.length;
  }
  return made;
}

function makeCoefficients(input: number, output: number, interpolation: Interpolation): Coefficients {
  const kernel = interpolation === "bicubic" ? bicubic : bilinear;
  const scale = input / output;
  const widening = Math.max(scale, 1);
  const support = (interpolation === "bicubic" ? 2 : 1) * widening;
  const taps = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(output);
  const counts = new Int32Array(output);
  const weights = new Float64Array(output * taps);
  for (let i = 0; i < output; i++) {
    const center = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(input, Math.trunc(center + support + 0.5));
    let sum = 0;
    for (let j = start; j < end; j++) {
      const weight = kernel((j - center + 0.5) / widening);
      weights[i * taps + j - start] = weight;
      sum += weight;
    }
    for (let j = i * taps; j < i * taps + end - start; j++) weights[j] = (weights[j] as number) / sum;
    starts[i] = start;
    counts[i] = end - start;
  }
  const most = counts.reduce((largest, count) => Math.max(largest, count), 0);
  return { starts, counts, taps, weights, most, fixed: inFours(weights, taps, most) };
}

function inFours(weights: Float64Array, taps: number, most: number): Int16Array {
  const output = weights.length / taps;
  const fours = Math.ceil(most / 4);
  const fixed = new Int16Array(output * fours * 8);
  for (let i = 0; i < output; i++) {
    for (let k = 0; k < most; k++) {
      const weight = weights[i * taps + k] as number;
      const rounded = Math.trunc(weight * FIXED_UNIT + (weight < 0 ? -0.5 : 0.5));
      const to = (i * fours + (k >> 2)) * 8 + (k & 3);
      fixed[to] = rounded >> LOWER_BITS;
      fixed[to + 4] = rounded & LOWER_MASK;
    }
  }
  return fixed;
}

function bicubic(distance: number): number {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

function bilinear(distance: number): number {
  const x = Math.abs(distance);
  return x < 1 ? 1 - x : 0;
}
