// Plots put together to one SVG file that reads on white paper and on a dark screen, without a browser or a network.
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

const { document } = parseHTML("<!doctype html><html><body></body></html>");

// Okabe and Ito's blue and vermilion (2008, "Color Universal Design"), each in a shade for white paper and for a dark
// screen, as in the report of @sitjs/eval.
const light = "--paper: #ffffff; --ink: #1b2430; --muted: #626c7a; --ours: #0072b2; --peer: #d04a00;";
const dark = "--paper: #12161c; --ink: #e8ecf1; --muted: #9ba6b4; --ours: #4aa3df; --peer: #f27a3d;";

/** A plot as an SVG string; colours are the picture's: ink, muted, ours, peer, as `var(--ink)`. */
export function plot(options) {
  const svg = Plot.plot({
    document,
    ...options,
    style: { background: "none", color: "var(--ink)", fontSize: "12px", overflow: "visible" },
  });
  return svg.outerHTML;
}

export const legendHeight = 34;

/**
 * What the lines of a picture are, side by side.
 *
 * @param {number} width
 * @param {readonly { name: string, color: string, dash?: string, width?: number }[]} entries `width` of the line (default
 *   1.8)
 */
export function legend(width, entries) {
  return plot({
    width,
    height: legendHeight,
    margin: 0,
    axis: null,
    x: { domain: [0, width] },
    y: { domain: [0, 1] },
    marks: entries.flatMap(({ name, color, dash, width: strokeWidth = 1.8 }, index) => {
      const x = 58 + index * 150;
      return [
        Plot.link([x], { x1: x, x2: x + 28, y: 0.4, stroke: color, strokeWidth, strokeDasharray: dash }),
        Plot.text([name], { x: x + 34, y: 0.4, textAnchor: "start", text: (words) => words }),
      ];
    }),
  });
}

/**
 * @param {{ width: number, height: number, description: string,
 *   parts: readonly { x: number, y: number, svg: string }[] }} picture `parts` are SVG elements and where they go
 */
export function picture({ width, height, description, parts }) {
  const placed = parts.map(({ x, y, svg }) => svg.replace("<svg", `<svg x="${x}" y="${y}"`));
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${description}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif">
<style>:root { ${light} } @media (prefers-color-scheme: dark) { :root { ${dark} } }</style>
<rect width="${width}" height="${height}" rx="8" fill="var(--paper)"/>
${shortNumbers(placed.join("\n"))}
</svg>
`;
}

/** Hundredths of a pixel are enough. */
function shortNumbers(svg) {
  return svg.replace(/<[^>]+>/g, (tag) => tag.replace(/(\d\.\d\d)\d+/g, "$1"));
}
