import * as Plot from "@observablehq/plot";
import { picture, plot } from "./picture.mjs";

const rowHeight = 24;
const width = 640;

/**
 * How many times as fast as the peer each workload is: a bar for the median, a line from the first to the third quartile
 * of the rounds, a tick for what is to be reached, and a dashed line where both sides are alike.
 *
 * @param {readonly Pick<import("./rows.mjs").Row, "workload" | "precision" | "ratio" | "ratioSpread" | "target">[]} rows
 */
export function ratiosPicture(rows) {
  const bars = rows.map(({ workload, precision, ratio, target, ratioSpread: { lower, upper } }) => {
    return { name: `${workload}, ${precision}`, precision, ratio, target, lower, upper };
  });
  const height = 58 + bars.length * rowHeight;
  const most = Math.max(...bars.flatMap(({ ratio, upper, target }) => [ratio, upper, target]));
  const svg = plot({
    width,
    height,
    marginLeft: 96,
    marginRight: 56,
    marginTop: 14,
    marginBottom: 40,
    x: {
      domain: [0, 1.05 * most],
      label: "times as fast as PyTorch in the same run (short line: to reach)",
      labelAnchor: "center",
      labelArrow: "none",
      ticks: 6,
      grid: true,
    },
    y: { domain: bars.map(({ name }) => name), label: null, padding: 0.25, tickSize: 0 },
    marks: [
      Plot.barX(bars, {
        x: "ratio",
        y: "name",
        fill: "var(--ours)",
        fillOpacity: ({ precision }) => (precision === "float32" ? 1 : 0.65),
        rx: 2,
      }),
      Plot.ruleY(bars, { x1: "lower", x2: "upper", y: "name", stroke: "var(--ink)", strokeWidth: 1.5 }),
      Plot.tickX(bars, { x: "target", y: "name", stroke: "var(--ink)", strokeWidth: 2 }),
      Plot.text(bars, {
        x: ({ ratio, upper, target }) => Math.max(ratio, upper, target),
        y: "name",
        text: ({ ratio }) => ratio.toFixed(2),
        textAnchor: "start",
        dx: 8,
        fontWeight: "bold",
      }),
      Plot.ruleX([1], { stroke: "var(--peer)", strokeWidth: 1.5, strokeDasharray: "4,3" }),
    ],
  });
  const description = `Speed relative to PyTorch: ${bars.map(({ name, ratio }) => `${name} ${ratio.toFixed(2)}`).join("; ")}`;
  return picture({ width, height, description, parts: [{ x: 0, y: 0, svg }] });
}
