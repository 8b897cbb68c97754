// Which steps the growth bench times: workload A's, at a smaller width, with one size varied at a time.

import { workloads } from "../workloads.mjs";

/**
 * @typedef {"batch" | "tokens" | "depth"} Axis
 * @typedef {{ workload: import("../workloads.mjs").Workload, axes: { axis: Axis, value: number }[] }} Point a step to
 *   time, and where it stands on each axis that it belongs to; the point in the middle belongs to all three
 */

/** @type {import("../workloads.mjs").Workload} */
export const middle = {
  ...workloads.A,
  label: "workload A, narrower, shallower and with fewer images",
  width: 128,
  heads: 2,
  depth: 4,
  batch: 32,
};

const varied = {
  batch: { size: "batch", values: [8, 16, 32, 64, 128] },
  tokens: { size: "imageSize", values: [16, 32, 48, 64, 80] },
  depth: { size: "depth", values: [2, 4, 8, 16] },
};

/** Tokens of an image of that side, the class token included. */
export function tokens(imageSize) {
  return 1 + (imageSize / middle.patchSize) ** 2;
}

/**
 * Every step to time, each once.
 *
 * @returns {Point[]}
 */
export function growthPoints() {
  /** @type {Map<string, Point>} */
  const points = new Map();
  for (const [axis, { size, values }] of Object.entries(varied)) {
    for (const given of values) {
      const workload = { ...middle, [size]: given };
      const key = `${workload.batch} ${workload.imageSize} ${workload.depth}`;
      const { axes } = points.get(key) ?? { axes: [] };
      const value = axis === "tokens" ? tokens(given) : given;
      points.set(key, { workload, axes: [...axes, { axis: /** @type {Axis} */ (axis), value }] });
    }
  }
  return [...points.values()];
}

/**
 * The exponent p of the growth y = c x^p that fits best in the sense of least squares between the logarithms.
 *
 * @param {readonly { x: number, y: number }[]} points at least two different x, all numbers above 0
 */
export function growthExponent(points) {
  const logs = points.map(({ x, y }) => [Math.log(x), Math.log(y)]);
  const mean = (index) => logs.reduce((sum, pair) => sum + pair[index], 0) / logs.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const covariance = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const variance = logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const exponent = covariance / variance;
  if (!Number.isFinite(exponent)) throw new Error("a growth needs two different sizes and costs above 0");
  return exponent;
}
