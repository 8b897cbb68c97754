import * as Plot from "@observablehq/plot";
import { legend, legendHeight, picture, plot } from "../../benchmarks/lib/picture.mjs";

const size = { width: 760, height: 260 };
const looks = {
  "one arena": { color: "var(--ours)" },
  usual: { color: "var(--peer)" },
  "V8's heap": { color: "var(--muted)" },
  "median ± 1.5 %": { color: "var(--muted)", dash: "4,3", width: 1 },
};

/**
 * The memory of soaked runs against their steps.
 *
 * @typedef {{ samples: readonly import("../runs/soak-run.mjs").Sample[], saved: { median: number } }} Soaked
 * @param {{ runs: { oneArena: Soaked, usual: Soaked }, settings: { warmup: number, steps: number } }} soak
 */
export function soakPicture({ runs: { oneArena, usual }, settings: { warmup, steps } }) {
  const line = ({ samples }, y, { color }) =>
    Plot.line(samples, { x: "step", y, stroke: color, strokeWidth: 1.6 });
  const bounds = [-1, 1].map((side) => oneArena.saved.median * (1 + side * 0.015));
  const band = looks["median ± 1.5 %"];
  const most = Math.max(
    ...[oneArena, usual].flatMap(({ samples }) => samples.map((each) => each.residentMB)),
  );
  const svg = plot({
    ...size,
    marginLeft: 58,
    marginRight: 24,
    marginTop: 24,
    marginBottom: 40,
    x: { domain: [0, steps], label: "steps", labelAnchor: "center", labelArrow: "none", ticks: 5 },
    y: { domain: [0, 1.1 * most], label: "MB", labelArrow: "none", grid: true, ticks: 5 },
    marks: [
      line(usual, "residentMB", looks.usual),
      line(oneArena, "residentMB", looks["one arena"]),
      line(oneArena, "heapMB", looks["V8's heap"]),
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
