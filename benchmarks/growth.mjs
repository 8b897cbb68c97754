// How time and peak memory of a training step grow with batch, tokens and depth, here and in PyTorch. Every point is
// computed in a process of its own, since a peak cannot be taken back: node benchmarks/growth.mjs [--quick]
import { parseArgs } from "node:util";
import { cacheFolder } from "@sitjs/engine";
import { growthExponent, growthPoints, middle } from "./lib/growth-points.mjs";
import { runAsProgram } from "./lib/main.mjs";
import { benchPython } from "./lib/python.mjs";
import { settings, startFor } from "./lib/sides.mjs";
import { spread } from "./lib/statistics.mjs";

export const name = "growth";

/**
 * @typedef {object} GrowthRow one side's step at one place on one axis
 * @property {import("./lib/growth-points.mjs").Axis} axis what is varied
 * @property {number} value images, tokens or blocks
 * @property {string} side "sitjs" or "PyTorch"
 * @property {import("@sitjs/core").Precision} precision
 * @property {number} milliseconds median of the steps
 * @property {number} lower first quartile
 * @property {number} upper third quartile
 * @property {number} steps
 * @property {number} peakMB most memory the process had
 * @property {number} startMB what it had with everything loaded, before its first step
 *
 * @typedef {{ axis: string, side: string, precision: string, time: number, memory: number }} GrowthExponent
 *   `memory` of what a step takes beyond the start
 */

/** Every point is timed for at least so long. */
const millisecondsOfSteps = { usual: 700, quick: 0 };
const fewestSteps = { usual: 5, quick: 2 };
const mostSteps = 25;

/**
 * @param {{ python: string, log: (line: string) => void, quick: boolean }} options
 * @returns {Promise<{ results: { workload: object, rows: GrowthRow[], exponents: GrowthExponent[] }, lines: string[] }>}
 */
export async function run({ python, log, quick }) {
  const plain = settings.filter(({ compiled }) => !compiled);
  const points = growthPoints();
  /** @type {GrowthRow[]} */
  const rows = [];
  for (const [index, { workload, axes }] of points.entries()) {
    const { batch, imageSize, depth } = workload;
    log(
      `  growth ${index + 1}/${points.length}: batch ${batch}, ${imageSize} x ${imageSize}, depth ${depth}`,
    );
    for (const setting of plain) {
      const cost = await costOf(workload, setting, python, quick ? "quick" : "usual");
      const side = setting.by === "ours" ? "sitjs" : "PyTorch";
      rows.push(...axes.map((place) => ({ ...place, side, precision: setting.precision, ...cost })));
    }
  }
  rows.sort((a, b) => seriesOf(a) - seriesOf(b) || a.value - b.value);
  const exponents = exponentsOf(rows);
  return { results: { workload: middle, rows, exponents }, lines: growthLines(rows, exponents) };
}

/** Rows of one axis stand together, and in them one side and precision. */
function seriesOf({ axis, side, precision }) {
  const orders = [
    ["batch", "tokens", "depth"],
    ["sitjs", "PyTorch"],
    ["float32", "bfloat16"],
  ];
  return [axis, side, precision].reduce((all, word, i) => 10 * all + orders[i].indexOf(word), 0);
}

/** One fresh process: two steps that do not count, then those that do. */
async function costOf(workload, setting, python, kind) {
  const { side } = await startFor(setting, python);
  try {
    const { precision, compiled } = setting;
    const { residentMB } = await side.ask({ do: "start", workload, precision, compiled, seed: 0 });
    const first = await side.ask({ do: "run", steps: 2 });
    const wanted = Math.ceil(millisecondsOfSteps[kind] / first.times[1]);
    const steps = Math.max(fewestSteps[kind], Math.min(mostSteps, wanted));
    const { times } = await side.ask({ do: "run", steps });
    const { median, lower, upper } = spread(times);
    const { peakMB } = await side.ask({ do: "memory" });
    return { milliseconds: median, lower, upper, steps, peakMB, startMB: residentMB };
  } finally {
    await side.stop();
  }
}

/**
 * @param {readonly GrowthRow[]} rows
 * @returns {GrowthExponent[]}
 */
function exponentsOf(rows) {
  return [...new Set(rows.map(seriesOf))].map((series) => {
    const own = rows.filter((row) => seriesOf(row) === series);
    const { axis, side, precision } = own[0];
    const time = growthExponent(own.map((row) => ({ x: row.value, y: row.milliseconds })));
    const memory = growthExponent(own.map((row) => ({ x: row.value, y: row.peakMB - row.startMB })));
    return { axis, side, precision, time, memory };
  });
}

function growthLines(rows, exponents) {
  const line = (cells) => cells.map((cell, i) => (i < 3 ? cell.padEnd(10) : cell.padStart(11))).join("");
  return [
    line(["varied", "side", "precision", "value", "ms", "quartiles", "peak MB"]),
    ...rows.map(({ axis, side, precision, value, milliseconds, lower, upper, peakMB }) =>
      line([
        axis,
        side,
        precision,
        String(value),
        milliseconds.toFixed(1),
        `${lower.toFixed(0)}-${upper.toFixed(0)}`,
        peakMB.toFixed(0),
      ]),
    ),
    "",
    "Exponents of the growth (least squares between logarithms), time and memory beyond the start:",
    ...exponents.map(({ axis, side, precision, time, memory }) =>
      line([axis, side, precision, time.toFixed(2), memory.toFixed(2)]),
    ),
  ];
}

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
  const log = (line) => console.error(line);
  const python = benchPython(cacheFolder(undefined, process.env), log);
  const { lines } = await run({ python, log, quick: values.quick });
  console.log(lines.join("\n"));
});
