import { htmlEscape } from "escape-goat";
import { paletteVariables } from "./palette.js";
import { classMark, type LabelledPoint, MOST_LABELLED_CLASSES, scatterChart } from "./scatter.js";

export interface ProjectionPicture {
  readonly title: string;
  /** How it was made. */
  readonly subtitle: string;
  readonly points: readonly LabelledPoint[];
  /** Names by class index. */
  readonly classes: readonly string[];
}

const MARGIN = 24;
const TOP = 78;
/** Of the scatter chart, which is drawn for a report's column. */
const SCALE = 1.7;
const CHART = 420 * SCALE;
const LEGEND = 200;
const ROW = 22;
const LONGEST_NAME = 24;

const light = "--surface: #ffffff; --ink: #1b2430; --muted: #626c7a;";
const dark = "--surface: #1a2028; --ink: #e8ecf1; --muted: #9ba6b4;";

/**
 * A picture that stands for itself: points coloured and shaped by class, with title and legend, light or dark as the
 * reader's screen is. An SVG string.
 */
export function projectionPicture({ title, subtitle, points, classes }: ProjectionPicture): string {
  const known = [...new Set(points.flatMap(([, , label]) => (label === null ? [] : [label])))].sort(
    (a, b) => a - b,
  );
  const chart = scatterChart({ description: title, points, classes });
  const named = known.slice(0, MOST_LABELLED_CLASSES);
  const rows = named.map((label, i) => {
    const full = classes[label] ?? `class ${label}`;
    const name = full.length > LONGEST_NAME ? `${full.slice(0, LONGEST_NAME - 1)}…` : full;
    const y = TOP + MARGIN + i * ROW;
    const x = CHART + MARGIN;
    return `<g transform="translate(${x} ${y - 11})">${classMark(label)}</g><text x="${x + 22}" y="${y}">${htmlEscape(name)}</text>`;
  });
  if (known.length > named.length) {
    const y = TOP + MARGIN + named.length * ROW;
    rows.push(
      `<text x="${CHART + MARGIN}" y="${y}" class="muted">${known.length - named.length} more</text>`,
    );
  }
  const width = CHART + (rows.length > 0 ? LEGEND : 0) + MARGIN;
  const height = Math.max(TOP + CHART, TOP + MARGIN + (rows.length + 1) * ROW);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${htmlEscape(title)}</title>
<style>
:root { ${light} ${paletteVariables("light")} }
@media (prefers-color-scheme: dark) { :root { ${dark} ${paletteVariables("dark")} } }
text { font-family: system-ui, sans-serif; fill: var(--ink); font-size: 15px; }
.title { font-size: 20px; font-weight: 600; } .muted { fill: var(--muted); }
</style>
<rect width="100%" height="100%" fill="var(--surface)"/>
<text x="${MARGIN}" y="36" class="title">${htmlEscape(title)}</text>
<text x="${MARGIN}" y="60" class="muted">${htmlEscape(subtitle)}</text>
<g transform="translate(0 ${TOP}) scale(${SCALE})">${chart}</g>
${rows.join("\n")}
</svg>
`;
}
