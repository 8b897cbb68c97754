import * as Plot from "@observablehq/plot";
import { classColor, classSymbol } from "./palette.js";
import { plotSvg } from "./svg.js";

/** A picture's place and the index of its class; null where the class is not known. */
export type LabelledPoint = readonly [x: number, y: number, label: number | null];

export interface ScatterChart {
  description: string;
  points: readonly LabelledPoint[];
  /** Names by class index. */
  classes: readonly string[];
}

const SIZE = 420;
const MARGIN = 14;
/** Beyond this many classes the names would cover the picture. */
export const MOST_LABELLED_CLASSES = 30;

/** Points coloured and shaped by class, the class names at the clusters' middles, as an SVG string. */
export function scatterChart({ description, points, classes }: ScatterChart): string {
  const radius = points.length > 5000 ? 1.1 : points.length > 1500 ? 2 : points.length > 500 ? 2.5 : 3.2;
  const dots = points.map(([x, y, label]) => ({
    x,
    y,
    fill: label === null ? "var(--muted)" : classColor(label),
    symbol: label === null ? "circle" : classSymbol(label),
  }));
  const x = extent(points.map((point) => point[0]));
  const y = extent(points.map((point) => point[1]));
  const known = new Set(points.flatMap((point) => (point[2] === null ? [] : [point[2]])));
  const labels =
    known.size <= MOST_LABELLED_CLASSES ? spread(clusterLabels(points, [...known], classes), x, y) : [];
  return plotSvg(description, {
    width: SIZE,
    height: SIZE,
    margin: MARGIN,
    x: { axis: null, domain: x },
    y: { axis: null, domain: y },
    color: { type: "identity" },
    symbol: { type: "identity" },
    marks: [
      Plot.dot(dots, { x: "x", y: "y", fill: "fill", symbol: "symbol", r: radius, fillOpacity: 0.75 }),
      Plot.text(labels, {
        x: "x",
        y: "y",
        text: "text",
        fontWeight: "bold",
        fontSize: FONT,
        fill: "var(--ink)",
        stroke: "var(--surface)",
        strokeWidth: 4,
      }),
    ],
  });
}

/** The mark of a class for a legend, as an SVG string; null is the mark of images whose class is not known. */
export function classMark(label: number | null): string {
  const fill = label === null ? "var(--muted)" : classColor(label);
  const symbol = label === null ? "circle" : classSymbol(label);
  return plotSvg("", {
    width: 14,
    height: 14,
    margin: 0,
    axis: null,
    marks: [Plot.dot([0], { frameAnchor: "middle", symbol, fill, r: 4.5 })],
  });
}

interface Label {
  text: string;
  x: number;
  y: number;
}

const FONT = 13;
const LETTER = 7.2; // mean width of a bold letter at this size

/** At the median of each class, which outliers do not pull away. */
function clusterLabels(
  points: readonly LabelledPoint[],
  known: number[],
  classes: readonly string[],
): Label[] {
  return known.map((index) => {
    const own = points.filter((point) => point[2] === index);
    return {
      text: classes[index] ?? `class ${index}`,
      x: median(own.map((point) => point[0])),
      y: median(own.map((point) => point[1])),
    };
  });
}

/** Pushes labels that overlap apart, up and down, and keeps them in the picture. */
function spread(labels: Label[], x: [number, number], y: [number, number]): Label[] {
  const inner = SIZE - 2 * MARGIN;
  const unitX = (x[1] - x[0]) / inner;
  const unitY = (y[1] - y[0]) / inner;
  const placed = labels.map((label) => {
    const half = (label.text.length * LETTER) / 2;
    const pixel = (label.x - x[0]) / unitX;
    return { text: label.text, half, px: clamp(pixel, half, inner - half), py: (label.y - y[0]) / unitY };
  });
  const gap = FONT + 4;
  for (let round = 0; round < 200; round++) {
    let moved = false;
    placed.forEach((a, i) => {
      for (const b of placed.slice(i + 1)) {
        const overlap = gap - Math.abs(a.py - b.py);
        if (overlap <= 0.1 || Math.abs(a.px - b.px) >= a.half + b.half + 4) continue;
        const push = (a.py >= b.py ? 1 : -1) * (overlap / 2);
        a.py = clamp(a.py + push, gap / 2, inner - gap / 2);
        b.py = clamp(b.py - push, gap / 2, inner - gap / 2);
        moved = true;
      }
    });
    if (!moved) break;
  }
  return placed.map(({ text, px, py }) => ({ text, x: x[0] + px * unitX, y: y[0] + py * unitY }));
}

function extent(values: number[]): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return high > low ? [low, high] : [low - 1, low + 1];
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), Math.max(low, high));
}
