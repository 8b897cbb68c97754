import * as Plot from "@observablehq/plot";
import { legend, legendHeight, picture, plot } from "../../benchmarks/lib/picture.mjs";

const size = { width: 760, height: 260 };
const looks = {
  "resident after a checkpoint": { color: "var(--ours)" },
  "at all looks": { color: "var(--muted)", width: 1 },
  "V8's heap": { color: "var(--peer)" },
  "median ± 1.5 %": { color: "var(--muted)", dash: "4,3", width: 1 },
};

/**
 * The memory of a soaked run against its steps.
 *
 * @param {{ samples: readonly import("../runs/soak-run.mjs").Sample[], saved: { median: number },
 *   settings: { warmup: number, flat: number, steps: number } }} soak
 */
export function soakPicture({ samples, saved, settings: { warmup, flat, steps } }) {
  const line = (y, { color, width = 1.6 }, of = samples) =>
    Plot.line(of, { x: "step", y, stroke: color, strokeWidth: width });
  const afterCheckpoints = samples.filter((sample) => sample.saved);
  const bounds = [-1, 1].map((side) => saved.median * (1 + (side * flat) / 2));
  const band = looks["median ± 1.5 %"];
  const most = Math.max(...samples.map(({ residentMB }) => residentMB));
  const svg = plot({
    ...size,
    marginLeft: 58,
    marginRight: 24,
    marginTop: 24,
    marginBottom: 40,
    x: { domain: [0, steps], label: "steps", labelAnchor: "center", labelArrow: "none", ticks: 5 },
    y: { domain: [0, 1.1 * most], label: "MB", labelArrow: "none", grid: true, ticks: 5 },
    marks: [
      line("residentMB", looks["at all looks"]),
      line("residentMB", looks["resident after a checkpoint"], afterCheckpoints),
      line("heapMB", looks["V8's heap"]),
      ...bounds.map((y) =>
        Plot.link([y], { x1: warmup, x2: steps, y, stroke: band.color, strokeDasharray: band.dash }),
      ),
    ],
  });
  return picture({
    width: size.width,
    height: size.height + legendHeight,
    description: `Resident memory and V8's heap over ${steps} training steps`,
    parts: [
      {
        x: 0,
        y: 0,
        svg: legend(
          size.width,
          Object.entries(looks).map(([name, look]) => ({ name, ...look })),
        ),
      },
      { x: 0, y: legendHeight, svg },
    ],
  });
}
