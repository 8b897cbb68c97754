import { maskPicture } from "../../figures/png.js";
import { classMark, MOST_LABELLED_CLASSES, scatterChart } from "../../figures/scatter.js";
import type { ReconstructionRow, ReportData, ReportEmbedding } from "../data.js";
import { count } from "../format.js";
import { type Html, html, trusted } from "../html.js";
import { image } from "./picture.js";
import { type Section, section } from "./section.js";

const HEADS = html`<div class="quad heads" aria-hidden="true"><span>clean</span><span>corrupted</span><span>mask</span>
<span>rebuilt</span></div>`;

/** Grids of clean, corrupted, mask and reconstruction. */
export function reconstructionSection(data: ReportData): Section | undefined {
  const grids = data.reconstructions?.filter((grid) => grid.rows.length > 0) ?? [];
  if (grids.length === 0) return undefined;
  const how = `In each row of four: an image, what the network was given, where it was corrupted (white), and what the
network made of it. Only the corrupted image goes in; what
stands in the white places afterwards is its guess from the rest.`;
  const body = grids.map(
    (grid) =>
      html`<h3>${grid.title}</h3>${
        grid.caption ? html`<p class="caption">${grid.caption}</p>` : undefined
      }<div class="pictures">${HEADS}${HEADS}${HEADS}${grid.rows.map(pictureRow)}</div>`,
  );
  return section("reconstructions", "What the network rebuilds", how, html`${body}`);
}

function pictureRow(row: ReconstructionRow): Html {
  const of = row.label ? `, ${row.label}` : "";
  return html`<div class="quad"${row.label ? html` title="${row.label}"` : undefined}>${image(
    row.clean,
    `clean${of}`,
  )}${image(row.corrupted, `corrupted${of}`)}${image(maskPicture(row.mask), `mask${of}`)}${image(
    row.reconstruction,
    `reconstruction${of}`,
  )}</div>`;
}

/** Scatter plots of embeddings, before and after. */
export function embeddingSection(data: ReportData): Section | undefined {
  const plots = data.embeddings?.filter((plot) => plot.points.length > 0) ?? [];
  if (plots.length === 0) return undefined;
  const classes = data.dataset?.classes ?? [];
  const how = `Each mark is an image, placed so that images with similar embeddings lie close together. Colour and shape
show the true class, which the network was never told; the clearer the islands, the more it found out by itself.
Distances between islands mean little.`;
  return section(
    "embeddings",
    "How it sees the images",
    how,
    html`${legend(plots, classes)}<div class="columns">${plots.map(
      (plot) =>
        html`<figure><h3>${plot.title}</h3>${trusted(
          scatterChart({
            description: `${plot.title}: ${count(plot.points.length)} images placed by their embeddings`,
            points: plot.points,
            classes,
          }),
        )}${plot.caption ? html`<figcaption class="caption">${plot.caption}</figcaption>` : undefined}</figure>`,
    )}</div>`,
  );
}

function legend(plots: readonly ReportEmbedding[], classes: readonly string[]): Html | undefined {
  const labels = new Set(plots.flatMap((plot) => plot.points.map((point) => point[2])));
  const known = [...labels].filter((label) => label !== null).toSorted((a, b) => a - b);
  if (known.length === 0) return undefined;
  const shown = known.slice(0, 2 * MOST_LABELLED_CLASSES);
  const more = known.length - shown.length;
  const names = shown.map((label) => classes[label] ?? `class ${label}`);
  return html`<ul class="legend">${shown.map(
    (label, index) => html`<li>${trusted(classMark(label))}${names[index]}</li>`,
  )}${more > 0 ? html`<li>and ${count(more)} more</li>` : undefined}${
    labels.has(null) ? html`<li>${trusted(classMark(null))}class not known</li>` : undefined
  }</ul>`;
}
