import { requireOption } from "@sitjs/core";
import { meanAndDeviation } from "./metrics.js";

export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The mean of a sample of independent results and the interval that holds the true one with probability `confidence`, by
 * Student's t with n - 1 degrees of freedom. Of one value the interval has no ends: it is infinite.
 *
 * @throws SitError "bad-option" without values or for the confidence
 */
export function meanInterval(values: readonly number[], confidence = 0.95): Interval {
  requireOption(values.length > 0, "values", "at least one", values.length);
  requireOption(confidence > 0 && confidence < 1, "confidence", "a number between 0 and 1", confidence);
  const { mean, deviation } = meanAndDeviation(values);
  const n = values.length;
  if (n === 1) return { mean, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  const half = (studentQuantile((1 + confidence) / 2, n - 1) * deviation) / Math.sqrt(n);
  return { mean, low: mean - half, high: mean + half };
}

/**
 * The value below which Student's t with `degrees` (a whole number) of freedom lies with `probability` in [0.5, 1).
 * Bisection of the distribution's finite sum (Abramowitz and Stegun, 26.7.3 and 26.7.4).
 */
export function studentQuantile(probability: number, degrees: number): number {
  requireOption(probability >= 0.5 && probability < 1, "probability", "a number in [0.5, 1)", probability);
  requireOption(Number.isInteger(degrees) && degrees > 0, "degrees", "a whole number above 0", degrees);
  // The angle whose tangent is t / sqrt(degrees): all of t's line in a quarter turn.
  let [low, high] = [0, Math.PI / 2];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if ((1 + withinAngle(middle, degrees)) / 2 < probability) low = middle;
    else high = middle;
  }
  return Math.sqrt(degrees) * Math.tan((low + high) / 2);
}

/** Probability that t lies between -tan(angle) √degrees and tan(angle) √degrees. */
function withinAngle(angle: number, degrees: number): number {
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const odd = degrees % 2 === 1;
  if (degrees === 1) return (2 * angle) / Math.PI;
  let term = odd ? cosine : 1;
  let sum = term;
  for (let k = odd ? 3 : 2; k <= degrees - 2; k += 2) {
    term *= ((k - 1) / k) * cosine ** 2;
    sum += term;
  }
  return odd ? (2 * (angle + sine * sum)) / Math.PI : sine * sum;
}
