import * as Plot from "@observablehq/plot";
import { plotSvg } from "./svg.js";

export interface ClassBars {
  description: string;
  /** By class; null where it has no images. */
  bars: readonly { readonly name: string; readonly value: number | null }[];
  /** A fraction to mark with a dashed line. */
  mean: number;
}

const LETTER = 7.4;
/** Keeps numbers readable on the dashed line. */
const HALO = { fill: "var(--ink)", stroke: "var(--surface)", strokeWidth: 4 };

/** A thin bar for each class, in the order given, with its value, as an SVG string. */
export function classBars({ description, bars, mean }: ClassBars): string {
  const room = 12 + Math.min(26, Math.max(...bars.map(({ name }) => name.length))) * LETTER;
  const indices = bars.map((_, index) => index);
  const known = bars.flatMap(({ value }, index) => (value === null ? [] : [{ index, value }]));
  return plotSvg(description, {
    width: 300 + room,
    height: 40 + 24 * bars.length,
    marginLeft: room,
    marginRight: 58,
    marginTop: 8,
    marginBottom: 30,
    x: { domain: [0, 1], tickFormat: "%", ticks: 5, label: null, grid: true },
    y: {
      domain: indices,
      label: null,
      padding: 0.25,
      tickSize: 0,
      tickFormat: (index: number) => bars[index]?.name.slice(0, 26) ?? "",
    },
    marks: [
      Plot.ruleX([mean], { stroke: "var(--muted)", strokeDasharray: "3,3" }),
      Plot.barX(known, { x: "value", y: "index", fill: "var(--accent)", rx: 2 }),
      Plot.text(
        bars.map(({ value }, index) => ({ index, at: value ?? 0, text: text(value) })),
        { x: "at", y: "index", text: "text", textAnchor: "start", dx: 6, ...HALO },
      ),
    ],
  });
}

const text = (value: number | null) => (value === null ? "no images" : `${(100 * value).toFixed(1)} %`);
