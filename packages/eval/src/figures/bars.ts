import * as Plot from "@observablehq/plot";
import { plotSvg } from "./svg.js";

/** One bar: a fraction from 0 to 1, in a group. */
export interface Bar {
  group: string;
  name: string;
  value: number;
  /** A CSS colour. */
  color: string;
}

export interface BarChart {
  description: string;
  bars: readonly Bar[];
  /** A fraction to mark with a dashed line, such as the accuracy of guessing. */
  reference?: number;
  /** Pixels left of the bars, for their names; default 96. */
  nameWidth?: number;
}

/** Horizontal bars of fractions with their values written out, as an SVG string. */
export function barChart(chart: BarChart): string {
  const groups = [...new Set(chart.bars.map((bar) => bar.group))];
  const names = [...new Set(chart.bars.map((bar) => bar.name))];
  const { reference } = chart;
  return plotSvg(chart.description, {
    width: 420,
    height: 52 + groups.length * (names.length * 30 + 26),
    marginLeft: chart.nameWidth ?? 96,
    marginRight: 58,
    marginTop: 26,
    marginBottom: 34,
    x: { domain: [0, 1], tickFormat: "%", ticks: 5, label: null, grid: true },
    y: { domain: names, label: null, padding: 0.22, axis: "left", tickSize: 0 },
    fy: { domain: groups, label: null, axis: null, padding: 0.28 },
    marks: [
      Plot.barX(chart.bars, { x: "value", y: "name", fy: "group", fill: "color", insetTop: 1, rx: 2 }),
      Plot.text(chart.bars, {
        x: "value",
        y: "name",
        fy: "group",
        text: (bar: Bar) => `${(100 * bar.value).toFixed(1)} %`,
        textAnchor: "start",
        dx: 6,
        fontWeight: "bold",
      }),
      Plot.text(groups, {
        fy: (group: string) => group,
        text: (group: string) => group,
        frameAnchor: "top-left",
        dy: -15,
        textAnchor: "start",
        fontWeight: "bold",
      }),
      ...(reference === undefined
        ? []
        : [Plot.ruleX([reference], { stroke: "var(--muted)", strokeDasharray: "3,3" })]),
    ],
  });
}
