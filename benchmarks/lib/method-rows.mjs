// What the methods bench has measured, as rows: of one scene, each method beside the first.
import { pairedRatios } from "./rows.mjs";
import { spread } from "./statistics.mjs";
import { alignColumns } from "./table.mjs";

/**
 * @typedef {object} MethodRow one method's step at one scene
 * @property {string} scene
 * @property {string} method
 * @property {number} views of each image
 * @property {ReturnType<typeof spread>} time ms of a step
 * @property {number} cpu ms of the processor, all threads
 * @property {string} beside the scene's first method
 * @property {number} ratio its median over that method's
 * @property {ReturnType<typeof spread>} ratioSpread of the rounds' own ratios
 * @property {number} peakMB most memory the process had
 * @property {number} startMB what it had before its first step
 */

/**
 * @typedef {{ method: string, views: number, times: number[], cpu: number[], peakMB: number, startMB: number }} Measured
 *
 * @param {string} scene
 * @param {readonly Measured[]} measured one time of each a round, in the same rounds
 * @returns {MethodRow[]}
 */
export function methodRows(scene, measured) {
  const [first] = measured;
  return measured.map(({ method, views, times, cpu, peakMB, startMB }) => {
    const time = spread(times);
    return {
      scene,
      method,
      views,
      time,
      cpu: spread(cpu).median,
      beside: first.method,
      ratio: time.median / spread(first.times).median,
      ratioSpread: spread(pairedRatios(first.times, times)),
      peakMB,
      startMB,
    };
  });
}

/**
 * The rows for people to read.
 *
 * @param {readonly MethodRow[]} rows
 * @returns {string[]}
 */
export function methodLines(rows) {
  const head = ["", "ms", "smallest-largest", "of the first's", "quartiles", "peak MB", "before a step"];
  return [
    ...alignColumns([
      head,
      ...rows.map(({ scene, method, time, ratio, ratioSpread, peakMB, startMB }) => [
        `${scene} ${method}`,
        time.median.toFixed(0),
        `${time.minimum.toFixed(0)}-${time.maximum.toFixed(0)}`,
        ratio.toFixed(2),
        `${ratioSpread.lower.toFixed(2)}-${ratioSpread.upper.toFixed(2)}`,
        peakMB.toFixed(0),
        startMB.toFixed(0),
      ]),
    ]),
    "Medians of one step, all methods in turn, round after round; quartiles of the rounds' own ratios.",
  ];
}
