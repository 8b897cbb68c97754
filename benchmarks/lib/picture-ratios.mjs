import * as Plot from "@observablehq/plot";
import { picture, plot } from "./picture.mjs";

const rowHeight = 24;

/**
 * How many times as fast as the peer each workload is, with a line where both are alike.
 *
 * @param {readonly { workload: string, precision: string, ratio: number, peerName: string }[]} rows
 */
export function ratiosPicture(rows) {
  const bars = rows.map((row) => ({ ...row, name: `${row.workload}, ${row.precision}` }));
  const width = 640;
  const height = 62 + bars.length * rowHeight;
  const most = Math.max(1.5, ...bars.map(({ ratio }) => ratio));
  const svg = plot({
    width,
    height,
    marginLeft: 96,
    marginRight: 190,
    marginTop: 16,
    marginBottom: 40,
    x: {
      domain: [0, 1.05 * most],
      label: "times as fast as PyTorch in the same run",
      labelAnchor: "center",
      labelArrow: "none",
      ticks: 5,
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
      Plot.text(bars, {
        x: "ratio",
        y: "name",
        text: ({ ratio, peerName }) => `${ratio.toFixed(2)} (${peerName})`,
        textAnchor: "start",
        dx: 6,
      }),
      Plot.ruleX([1], { stroke: "var(--peer)", strokeWidth: 1.5, strokeDasharray: "4,3" }),
    ],
  });
  const description = `Speed relative to PyTorch: ${bars.map(({ name, ratio }) => `${name} ${ratio.toFixed(2)}`).join("; ")}`;
  return picture({ width, height, description, parts: [{ x: 0, y: 0, svg }] });
}
