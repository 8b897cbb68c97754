import { type SpreadPoint, spreadChart } from "../../figures/spread.js";
import type { ReportComparison, ReportComparisonRow, ReportData, ReportSpread } from "../data.js";
import { count, duration, spreadText } from "../format.js";
import { type Html, html, trusted } from "../html.js";
import { type Section, section } from "./section.js";

/** Several methods side by side. */
export function comparisonSection({ comparison, dataset }: ReportData): Section | undefined {
  if (comparison === undefined || comparison.rows.length === 0) return undefined;
  const { seeds } = comparison;
  const test = dataset?.test === undefined ? "test images" : `the ${count(dataset.test)} test images`;
  const how = `Share of ${test} given the right class: mean and standard deviation (n - 1) over the seeds
${seeds.join(", ")}. All have the same network, images and fine-tuning; each seed draws its own for all of them. k-NN trains
nothing.`;
  return section("comparison", "The methods", how, comparisonBody(comparison, "Method"));
}

/**
 * The plot and the table of a comparison.
 * @param what is compared: the head of the first column
 */
export function comparisonBody(comparison: ReportComparison, what: string): Html {
  return html`<figure class="natural">${trusted(comparisonChart(comparison))}<figcaption class="caption">Large marks are means, lines one
standard deviation, small points single seeds.</figcaption></figure><div class="scroll">${table(comparison.rows, what)}</div>`;
}

/** The plot of a comparison as an SVG string. */
export function comparisonChart({ rows }: ReportComparison): string {
  const points = rows.flatMap((row) =>
    measuresOf(row).map(([series, spread]): SpreadPoint => ({ ...spread, series, group: row.name })),
  );
  const spoken = rows.map(
    (row) =>
      `${row.name}: ${measuresOf(row)
        .map(([name, spread]) => `${name} ${spreadText(spread)}`)
        .join(", ")}`,
  );
  return spreadChart({ description: `Test accuracy by method. ${spoken.join("; ")}`, points });
}

function measuresOf({ knn, linear, accuracy }: ReportComparisonRow): [name: string, spread: ReportSpread][] {
  return [
    ...(knn === undefined ? [] : [["k-NN", knn] as [string, ReportSpread]]),
    ...(linear === undefined ? [] : [["linear probe", linear] as [string, ReportSpread]]),
    ...accuracy.map((spread): [string, ReportSpread] => [`${count(spread.labels)} labels`, spread]),
  ];
}

function table(rows: readonly ReportComparisonRow[], what: string): Html {
  const measures = [...new Set(rows.flatMap((row) => measuresOf(row).map(([name]) => name)))];
  const cell = (content: string) => html`<td class="number">${content}</td>`;
  return html`<table><thead><tr><th scope="col">${what}</th>${measures.map(
    (name) => html`<th scope="col" class="number">${name}</th>`,
  )}<th scope="col" class="number">Pretraining</th><th scope="col" class="number">Images per second</th><th scope="col"
class="number">Seeds</th></tr></thead><tbody>${rows.map((row) => {
    const own = new Map(measuresOf(row));
    const spreads = measures.map((name) => own.get(name));
    return html`<tr><th scope="row">${row.name}</th>${spreads.map((spread) =>
      cell(spreadText(spread)),
    )}${cell(row.seconds === undefined ? "–" : duration(row.seconds))}${cell(
      row.imagesPerSecond === undefined ? "–" : count(Math.round(row.imagesPerSecond)),
    )}${cell(String(row.runs))}</tr>`;
  })}</tbody></table>`;
}
