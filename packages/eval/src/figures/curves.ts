import * as Plot from "@observablehq/plot";
import { plotSvg } from "./svg.js";

/** One curve; values that are not finite leave a gap. */
export interface Curve {
  label?: string;
  /** A CSS colour. */
  color: string;
  points: readonly { x: number; y: number }[];
  /** Thin and pale, for the noisy curve behind a smooth one. */
  faint?: boolean;
}

export interface CurveChart {
  description: string;
  xLabel: string;
  yLabel: string;
  curves: readonly Curve[];
  /** Where the x axis ends; default where the longest curve does. */
  xEnd?: number;
  /** Whether the y axis starts at 0. Default: as the data lies. */
  fromZero?: boolean;
  /** d3 format of the y axis, such as "%" for fractions. */
  yFormat?: string;
}

const SIZE = { width: 420, height: 250 };
const MOST_POINTS = 400;
/** Of a label beside its curve. */
const LETTER_WIDTH = 6.5;

/** A line chart as an SVG string. */
export function curveChart(chart: CurveChart): string {
  const drawn = chart.curves.map((curve) => ({ ...curve, points: thin(curve.points, MOST_POINTS) }));
  const end = Math.max(chart.xEnd ?? 0, ...drawn.flatMap((curve) => curve.points.map((point) => point.x)));
  const marks = drawn.flatMap((curve) => curveMarks(curve, end));
  return plotSvg(chart.description, {
    ...SIZE,
    marginLeft: 62,
    marginRight: Math.max(14, ...drawn.map(({ label }) => (label ? 16 + LETTER_WIDTH * label.length : 0))),
    marginTop: chart.yLabel ? 30 : 12,
    marginBottom: 42,
    x: { label: chart.xLabel, labelAnchor: "center", labelArrow: "none", ticks: 6, domain: [0, end] },
    y: {
      label: chart.yLabel,
      labelArrow: "none",
      grid: true,
      ticks: 5,
      nice: true,
      zero: chart.fromZero ?? false,
      ...(chart.yFormat ? { tickFormat: chart.yFormat } : {}),
    },
    marks,
  });
}

function curveMarks(curve: Curve, end: number): Plot.Markish[] {
  const { points, color, faint, label } = curve;
  const line = Plot.line(points, {
    x: "x",
    y: "y",
    stroke: color,
    strokeWidth: faint ? 1 : 2.2,
    strokeOpacity: faint ? 0.35 : 1,
    strokeLinejoin: "round",
  });
  const dots =
    !faint && points.length <= 40 ? [Plot.dot(points, { x: "x", y: "y", fill: color, r: 2.6 })] : [];
  const last = points.findLast((point) => Number.isFinite(point.y));
  const text =
    label && last
      ? [Plot.text([last], { x: end, y: "y", text: () => label, dx: 8, textAnchor: "start", fill: color })]
      : [];
  return [line, ...dots, ...text];
}

/** At most `count` points, each the mean of its stretch, so that no spike is picked or lost by chance. */
export function thin(
  points: readonly { x: number; y: number }[],
  count: number,
): readonly { x: number; y: number }[] {
  if (points.length <= count) return points;
  const size = Math.ceil(points.length / count);
  return Array.from({ length: Math.ceil(points.length / size) }, (_, bucket) => {
    const part = points.slice(bucket * size, (bucket + 1) * size);
    const mean = (axis: "x" | "y") => part.reduce((sum, point) => sum + point[axis], 0) / part.length;
    return { x: mean("x"), y: mean("y") };
  });
}
