import * as Plot from "@observablehq/plot";
import { legend, legendHeight, picture, plot } from "./picture.mjs";

const panel = { width: 300, height: 230 };
const axes = { batch: "images in a batch", tokens: "tokens of an image", depth: "blocks" };
const costs = [
  { key: "milliseconds", label: "milliseconds a step" },
  { key: "peakMB", label: "peak memory, MB" },
];
const colors = { sitjs: "var(--ours)", PyTorch: "var(--peer)" };
const dashes = { float32: undefined, bfloat16: "5,4" };

/**
 * Time (above) and peak memory (below) against batch, tokens and depth, both axes logarithmic.
 *
 * @param {{ rows: import("../growth.mjs").GrowthRow[] }} growth
 */
export function growthPicture({ rows }) {
  const parts = costs.flatMap(({ key, label }, line) =>
    Object.entries(axes).map(([axis, words], column) => ({
      x: column * panel.width,
      y: legendHeight + line * panel.height,
      svg: growthPanel(
        rows.filter((row) => row.axis === axis),
        { key, xLabel: words, yLabel: column === 0 ? label : "" },
        domainOf(rows.map((row) => row[key])),
      ),
    })),
  );
  return picture({
    width: 3 * panel.width,
    height: legendHeight + 2 * panel.height,
    description: "Time and peak memory of a training step against batch, tokens and depth, sitjs and PyTorch",
    parts: [
      {
        x: 0,
        y: 0,
        svg: legend(
          3 * panel.width,
          [...new Set(rows.map(seriesOf))].map((name) => ({ name, ...look(name) })),
        ),
      },
      ...parts,
    ],
  });
}

function growthPanel(rows, { key, xLabel, yLabel }, domain) {
  const marks = [...new Set(rows.map(seriesOf))].flatMap((series) => {
    const { color, dash } = look(series);
    const points = rows.filter((row) => seriesOf(row) === series);
    const sorted = points.toSorted((a, b) => a.value - b.value);
    const at = { x: "value", y: key };
    return [
      Plot.line(sorted, { ...at, stroke: color, strokeWidth: 1.8, strokeDasharray: dash }),
      Plot.dot(sorted, { ...at, r: 2.6, fill: dash ? "var(--paper)" : color, stroke: color }),
    ];
  });
  const values = [...new Set(rows.map((row) => row.value))];
  return plot({
    ...panel,
    marginLeft: 58,
    marginRight: 18,
    marginTop: 24,
    marginBottom: 40,
    x: {
      type: "log",
      label: xLabel,
      labelAnchor: "center",
      labelArrow: "none",
      ticks: values,
      tickFormat: "d",
    },
    y: { type: "log", domain, label: yLabel, labelArrow: "none", grid: true, ticks: 4, tickFormat: "~f" },
    marks,
  });
}

function seriesOf({ side, precision }) {
  return `${side} ${precision}`;
}

function look(series) {
  const [side, precision] = series.split(" ");
  return { color: colors[side], dash: dashes[precision] };
}

function domainOf(values) {
  return [0.8 * Math.min(...values), 1.2 * Math.max(...values)];
}
