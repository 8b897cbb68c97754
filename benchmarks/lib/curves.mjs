// Curves of training, as benchmarks/precision.mjs writes them.
import { join } from "node:path";
import { root } from "../../scripts/lib/steps.mjs";

/** What `node benchmarks/precision.mjs` writes. */
export const precisionFile = join(root, "benchmarks", "results", "precision.json");

/** The losses of a step, as the app's history names them. */
export const curves = ["loss", "reconstruction", "contrast"];

/**
 * Means of `window` values, one for each place where so many lie side by side.
 *
 * @param {readonly number[]} values
 * @param {number} window
 * @returns {number[]} values.length - window + 1 of them
 */
export function smoothed(values, window) {
  return Array.from({ length: values.length - window + 1 }, (_, start) => {
    let sum = 0;
    for (let i = start; i < start + window; i++) sum += values[i];
    return sum / window;
  });
}

/** The mean of |a - b| / |b|, place by place. */
export function meanDifference(a, b) {
  if (a.length !== b.length || a.length === 0) {
    throw new Error(`meanDifference: expected two lists alike, got ${a.length} and ${b.length} values`);
  }
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]) / Math.abs(b[i]), 0) / a.length;
}
