import * as Plot from "@observablehq/plot";
import { classColor, classSymbol } from "./palette.js";
import { plotSvg } from "./svg.js";

/** Results of one thing, measured several times in the same way. */
export interface SpreadPoint {
  /** Which of the compared things it is of; on the x axis. */
  readonly group: string;
  /** Which measure. */
  readonly series: string;
  /** Fractions, from 0 to 1. */
  readonly mean: number;
  /** Standard deviation. */
  readonly deviation: number;
  /** The single results. */
  readonly values: readonly number[];
}

export interface SpreadChart {
  readonly description: string;
  readonly points: readonly SpreadPoint[];
}

const HEIGHT = 380;
const GROUP_WIDTH = 84;
/** Between the measures of one group, of the distance between groups. */
const APART = 0.2;
const LEGEND_WIDTH = 132;

/**
 * Means with their standard deviation as a line, and the single results beside them: groups along x, a colour and a shape
 * for each measure. An SVG string.
 */
export function spreadChart({ description, points }: SpreadChart): string {
  const groups = [...new Set(points.map(({ group }) => group))];
  const series = [...new Set(points.map((point) => point.series))];
  const place = ({ group, series: name }: SpreadPoint) =>
    groups.indexOf(group) + APART * (series.indexOf(name) - (series.length - 1) / 2);
  const singles = points.flatMap((point) => point.values.map((value) => ({ ...point, value })));
  const marks = series.flatMap((name, i) => {
    const color = classColor(i);
    const own = (point: SpreadPoint) => point.series === name;
    return [
      Plot.ruleX(points.filter(own), {
        x: place,
        y1: (point: SpreadPoint) => point.mean - point.deviation,
        y2: (point: SpreadPoint) => point.mean + point.deviation,
        stroke: color,
        strokeWidth: 2,
      }),
      Plot.dot(singles.filter(own), { x: place, y: "value", r: 1.8, dx: 5, fill: color, fillOpacity: 0.55 }),
      Plot.dot(points.filter(own), { x: place, y: "mean", r: 4.2, fill: color, symbol: classSymbol(i) }),
      Plot.dot([name], {
        frameAnchor: "top-left",
        dx: 6 + i * LEGEND_WIDTH,
        dy: -26,
        r: 4.2,
        fill: color,
        symbol: classSymbol(i),
      }),
      Plot.text([name], {
        frameAnchor: "top-left",
        dx: 16 + i * LEGEND_WIDTH,
        dy: -32,
        text: (text: string) => text,
        textAnchor: "start",
      }),
    ];
  });
  return plotSvg(description, {
    width: Math.max(420, 90 + GROUP_WIDTH * groups.length, 70 + LEGEND_WIDTH * series.length),
    height: HEIGHT,
    marginLeft: 52,
    marginRight: 22,
    marginTop: 46,
    marginBottom: 58,
    x: {
      domain: [-0.5, groups.length - 0.5],
      ticks: groups.map((_, i) => i),
      tickFormat: (i: number) => groups[i] ?? "",
      tickRotate: -18,
      tickSize: 0,
      label: null,
    },
    y: { label: null, tickFormat: "%", grid: true, nice: true, ticks: 7 },
    marks,
  });
}
