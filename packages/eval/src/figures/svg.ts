import * as Plot from "@observablehq/plot";
import { htmlEscape } from "escape-goat";
import { parseHTML } from "linkedom";

let page: Document | undefined;

/** Plot needs a DOM to write into; linkedom is one without a browser. */
function drawingDocument(): Document {
  page ??= parseHTML("<!doctype html><html><body></body></html>").document;
  return page;
}

/**
 * Draws a plot to an SVG string. Colours are CSS variables of the page (`var(--ink)` and so on),
 * so that one drawing serves light and dark.
 */
export function plotSvg(description: string, options: Plot.PlotOptions): string {
  const svg = Plot.plot({
    document: drawingDocument(),
    ...options,
    style: { background: "none", color: "var(--ink)", fontSize: "13px", overflow: "visible" },
  });
  // Not set as an attribute: linkedom writes `<` in attributes as it is.
  const label = `<svg role="img" aria-label="${htmlEscape(description)}"`;
  return withShortNumbers(svg.outerHTML).replace("<svg", () => label);
}

/** Hundredths of a pixel are enough; full doubles would triple the file. */
function withShortNumbers(svg: string): string {
  return svg.replace(/<[^>]+>/g, (tag) => tag.replace(/(\d\.\d\d)\d+/g, "$1"));
}
