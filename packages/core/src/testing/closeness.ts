import type * as tf from "@tensorflow/tfjs";
import type { SafetensorsEntry } from "../safetensors.js";

/** How far two lists of numbers are apart. */
export interface Closeness {
  /** Largest absolute difference; NaN where either side has a NaN that the other lacks, or lengths differ. */
  readonly maxAbsolute: number;
  /** Largest `|a - b| - (absolute + relative |b|)`: at most 0 where every element is within the tolerance. */
  readonly excess: number;
  /** Largest absolute difference over the largest absolute expected value. */
  readonly relativeToMax: number;
  /** Share of elements beyond the tolerance. */
  readonly shareBeyond: number;
  /** Cosine of the angle between both as vectors: 1 for the same direction; 1 where both are all zeros. */
  readonly cosine: number;
}

/** Compares element by element, `|a - b| <= absolute + relative |b|`. */
export function closeness(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: { absolute?: number; relative?: number } = {},
): Closeness {
  const { absolute = 0, relative = 0 } = tolerance;
  if (actual.length !== expected.length) {
    return {
      maxAbsolute: Number.NaN,
      excess: Number.NaN,
      relativeToMax: Number.NaN,
      shareBeyond: 1,
      cosine: Number.NaN,
    };
  }
  let maxAbsolute = 0;
  let excess = Number.NEGATIVE_INFINITY;
  let largest = 0;
  let beyond = 0;
  let [dot, squareA, squareB] = [0, 0, 0];
  for (let i = 0; i < actual.length; i++) {
    const a = actual[i] as number;
    const b = expected[i] as number;
    const difference = Object.is(a, b) || (Number.isNaN(a) && Number.isNaN(b)) ? 0 : Math.abs(a - b);
    // Equal infinities and NaNs have no distance to put in proportion.
    const over = difference === 0 ? -absolute : difference - (absolute + relative * Math.abs(b));
    if (!(over <= 0)) beyond++;
    // A NaN must win the maximum, not lose every comparison.
    maxAbsolute = Number.isNaN(difference) ? Number.NaN : Math.max(maxAbsolute, difference);
    excess = Number.isNaN(over) ? Number.NaN : Math.max(excess, over);
    largest = Math.max(largest, Math.abs(b));
    dot += a * b;
    squareA += a * a;
    squareB += b * b;
  }
  const relativeToMax = largest === 0 ? maxAbsolute : maxAbsolute / largest;
  const cosine = squareA === 0 && squareB === 0 ? 1 : dot / Math.sqrt(squareA * squareB);
  return { maxAbsolute, excess, relativeToMax, shareBeyond: beyond / Math.max(1, actual.length), cosine };
}

/**
 * Compares a tensor with a golden value, shape included (throws where the shapes differ).
 * Waits for the device.
 */
export async function compareTo(
  actual: tf.Tensor,
  expected: SafetensorsEntry,
  tolerance: { absolute?: number; relative?: number } = {},
): Promise<Closeness> {
  if (actual.shape.join() !== expected.shape.join()) {
    throw new Error(`expected shape [${expected.shape.join(", ")}], got [${actual.shape.join(", ")}]`);
  }
  return closeness(await actual.data(), Array.from(expected.data, Number), tolerance);
}
