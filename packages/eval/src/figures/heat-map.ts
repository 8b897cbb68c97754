import * as Plot from "@observablehq/plot";
import { plotSvg } from "./svg.js";

export interface HeatMap {
  description: string;
  /** Counts, `counts[row][column]`; as many columns as rows. */
  counts: readonly (readonly number[])[];
  /** What rows and columns are called, by index. */
  names: readonly string[];
  rowLabel: string;
  columnLabel: string;
}

const CELLS = 420;
const SMALLEST_CELL = 14;
const LARGEST_CELL = 56;
/** With smaller cells a number does not fit. */
const ROOM_FOR_NUMBER = 26;
const LETTER = 7.4;
const LONGEST_NAME = 18;

/**
 * A square of cells as an SVG string: each as dark as its share of its row, with its number where there is room. The
 * diagonal has a colour of its own.
 */
export function heatMap({ description, counts, names, rowLabel, columnLabel }: HeatMap): string {
  const cell = Math.min(LARGEST_CELL, Math.max(SMALLEST_CELL, Math.floor(CELLS / counts.length)));
  const short = counts.map((_, index) => shorten(names[index] ?? `class ${index}`));
  const room = 16 + Math.max(...short.map((name) => name.length)) * LETTER;
  const cells = counts.flatMap((row, y) => {
    const sum = row.reduce((a, b) => a + b, 0);
    return row.flatMap((count, x) =>
      count === 0 ? [] : [{ x, y, count, share: count / sum, color: colorOf(x, y) }],
    );
  });
  const side = cell * counts.length;
  const [marginTop, marginRight] = [28, 10];
  const indices = counts.map((_, index) => index);
  const tickFormat = (index: number) => short[index] as string;
  return plotSvg(description, {
    width: side + room + marginRight,
    height: side + room + marginTop,
    marginLeft: room,
    marginBottom: room,
    marginTop,
    marginRight,
    padding: 0.06,
    x: { domain: indices, label: columnLabel, labelArrow: "none", tickFormat, tickRotate: -90, tickSize: 0 },
    y: { domain: indices, label: rowLabel, labelArrow: "none", tickFormat, tickSize: 0 },
    color: { type: "identity" },
    marks: [
      Plot.cell(
        counts.flatMap((_, y) => indices.map((x) => ({ x, y }))),
        { x: "x", y: "y", fill: "var(--line)", fillOpacity: 0.45 },
      ),
      Plot.cell(cells, { x: "x", y: "y", fill: "color", fillOpacity: (d: { share: number }) => d.share }),
      ...(cell < ROOM_FOR_NUMBER
        ? []
        : [
            Plot.text(cells, {
              x: "x",
              y: "y",
              text: (d: { count: number }) => String(d.count),
              fontSize: cell < 34 ? 10 : 12,
              fill: (d: { share: number }) => (d.share > 0.5 ? "var(--surface)" : "var(--ink)"),
            }),
          ]),
    ],
  });
}

const colorOf = (x: number, y: number) => (x === y ? "var(--accent)" : "var(--accent-2)");

function shorten(name: string): string {
  return name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME - 1)}…`;
}
