import * as Plot from "@observablehq/plot";
import { smoothed } from "./curves.mjs";
import { legend, legendHeight, picture, plot } from "./picture.mjs";

const panel = { width: 450, height: 280 };
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
    parts: [
      {
        x: 0,
        y: 0,
        svg: legend(
          2 * panel.width,
          runs.map(({ name }, index) => ({ name, ...looks[index] })),
        ),
      },
      ...parts,
    ],
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
