import * as Plot from "@observablehq/plot";
import { smoothed } from "./curves.mjs";
import { picture, plot } from "./picture.mjs";

const panel = { width: 450, height: 280 };
const legendHeight = 34;
const shown = { reconstruction: "reconstruction (masked L1)", contrast: "contrast (NT-Xent)" };
const looks = [
  { color: "var(--ours)" },
  { color: "var(--peer)", dash: "5,4" },
  { color: "var(--muted)", width: 1 },
];

/**
 * Smoothed curves of both losses, one line a run, the other runs over the first.
 *
 * @param {{ runs: any[], settings: { window: number } }} precision
 */
export function precisionPicture({ runs, settings: { window } }) {
  const parts = Object.entries(shown).map(([curve, label], column) => ({
    x: column * panel.width,
    y: legendHeight,
    svg: curvePanel(
      runs.map((run) => smoothed(run[curve], window)),
      { label, window },
    ),
  }));
  return picture({
    width: 2 * panel.width,
    height: legendHeight + panel.height,
    description: `Losses of pretraining in ${runs.map(({ name }) => name).join(", in ")}`,
    parts: [{ x: 0, y: 0, svg: legend(runs.map(({ name }) => name)) }, ...parts],
  });
}

function curvePanel(series, { label, window }) {
  // The yardstick below, the two that are compared on top.
  const order = series.map((_, index) => index).reverse();
  return plot({
    ...panel,
    marginLeft: 58,
    marginRight: 18,
    marginTop: 24,
    marginBottom: 40,
    x: { label: "step", labelAnchor: "center", labelArrow: "none", ticks: 6 },
    y: { label, labelArrow: "none", grid: true, ticks: 5 },
    marks: order.map((index) =>
      Plot.line(
        series[index].map((value, i) => ({ step: i + (window + 1) / 2, value })),
        {
          x: "step",
          y: "value",
          stroke: looks[index].color,
          strokeWidth: looks[index].width ?? 1.8,
          strokeDasharray: looks[index].dash,
        },
      ),
    ),
  });
}

function legend(names) {
  return plot({
    width: 2 * panel.width,
    height: legendHeight,
    margin: 0,
    axis: null,
    x: { domain: [0, 2 * panel.width] },
    y: { domain: [0, 1] },
    marks: names.flatMap((name, index) => {
      const { color, dash, width } = looks[index];
      const x = 58 + index * 150;
      return [
        Plot.link([x], {
          x1: x,
          x2: x + 28,
          y: 0.4,
          stroke: color,
          strokeWidth: width ?? 1.8,
          strokeDasharray: dash,
        }),
        Plot.text([name], { x: x + 34, y: 0.4, textAnchor: "start", text: (words) => words }),
      ];
    }),
  });
}
