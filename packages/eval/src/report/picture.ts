import type { ReportComparison } from "./data.js";
import { comparisonChart } from "./sections/comparison.js";
import { COLORS } from "./style.js";

/** The chart with the page's colours and a ground of its own. */
export function comparisonPicture(comparison: ReportComparison): string {
  const style = `<style>${COLORS} text { font-family: system-ui, sans-serif; }</style>`;
  const ground = '<rect width="100%" height="100%" rx="8" fill="var(--surface)"/>';
  const svg = comparisonChart(comparison);
  const named = svg.includes("xmlns=") ? svg : svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"');
  return `${named.replace(/^<svg[^>]*>/, (tag) => `${tag}${style}${ground}`)}\n`;
}
