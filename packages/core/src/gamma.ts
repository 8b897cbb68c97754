/** Draws from the gamma and beta distributions; all randomness comes from the stream. */
import { requireOption } from "./errors.js";
import type { RandomStream } from "./random.js";

/**
 * A draw from the gamma distribution with scale 1 (mean and variance are `shape`), by Marsaglia and Tsang 2000: a cubed
 * normal, accepted more than 95 times of 100. A shape below 1 is drawn as that of `shape + 1` times U^(1 / shape).
 *
 * @param shape above 0
 * @throws SitError "bad-option"
 */
export function drawGamma(rng: RandomStream, shape: number): number {
  requireOption(shape > 0 && Number.isFinite(shape), "shape", "a number above 0", shape);
  if (shape < 1) return drawGamma(rng, shape + 1) * (1 - rng.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = rng.normal();
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    // 1 - U is above 0, so that its logarithm is a number.
    if (Math.log(1 - rng.uniform()) < x * x * 0.5 + d - d * v + d * Math.log(v)) return d * v;
  }
}

/**
 * A draw from the beta distribution, in [0, 1], as the share of one of two gamma draws; mean `alpha / (alpha + beta)`.
 *
 * @param alpha, beta above 0
 * @throws SitError "bad-option"
 */
export function drawBeta(rng: RandomStream, alpha: number, beta: number): number {
  const first = drawGamma(rng, alpha);
  const second = drawGamma(rng, beta);
  const sum = first + second;
  // Tiny shapes leave nothing of either that a double can hold: then all is at one end.
  return sum > 0 ? first / sum : Number(rng.chance(alpha / (alpha + beta)));
}
