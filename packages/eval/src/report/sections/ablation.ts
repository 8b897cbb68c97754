import type { ReportAblation, ReportData, ReportFinding } from "../data.js";
import { count } from "../format.js";
import { type Html, html } from "../html.js";
import { comparisonBody } from "./comparison.js";
import { type Section, section } from "./section.js";

/** What a grid of runs says, claim by claim, and its axes one by one. */
export function ablationSection({ ablation, dataset }: ReportData): Section | undefined {
  if (ablation === undefined) return undefined;
  const { axes, findings } = ablation;
  const test = dataset?.test === undefined ? "test images" : `the ${count(dataset.test)} test images`;
  const how = `Share of ${test} given the right class: mean and standard deviation (n - 1) over the seeds
${[...new Set(axes.flatMap(({ seeds }) => seeds))].join(", ")}. k-NN and the linear probe look at features that have seen no
label; labelled images in hundreds are for classifiers whose networks are trained further.`;
  const body = html`${findings.length > 0 ? findingTable(findings) : ""}${axes.map(axisPart)}`;
  return section("ablation", "What the runs say", how, body);
}

const axisPart = (axis: ReportAblation["axes"][number]) =>
  html`<h3>${axis.title}</h3>${axis.question === undefined ? "" : html`<p class="how">${axis.question}</p>`}${
    axis.rows.length === 0 ? html`<p>No run of it is done.</p>` : comparisonBody(axis, "Variant")
  }`;

function findingTable(findings: readonly ReportFinding[]): Html {
  const measures = [
    ...new Set(findings.flatMap((finding) => finding.measures.map(({ measure }) => measure))),
  ];
  return html`<div class="scroll"><table><thead><tr><th scope="col">Claim</th><th scope="col">Here</th>${measures.map(
    (name) => html`<th scope="col" class="number">${name}</th>`,
  )}</tr></thead><tbody>${findings.map(({ claim, source, verdict, measures: own }) => {
    const cells = measures.map((name) => own.find(({ measure }) => measure === name));
    return html`<tr><th scope="row">${claim}${source === undefined ? "" : ` (${source})`}</th><td>${verdict}</td>${cells.map(
      (cell) => html`<td class="number">${cell === undefined ? "–" : points(cell)}</td>`,
    )}</tr>`;
  })}</tbody></table></div><p class="caption">Differences in percentage points with their 95 % interval (Student's t over
the seeds). Seen here: a measure's whole interval is above zero, and no measure's below; not seen: the other way round;
else undecided.</p>`;
}

function points({ difference, low, high }: ReportFinding["measures"][number]): string {
  const of = (fraction: number) => `${fraction >= 0 ? "+" : "−"}${Math.abs(100 * fraction).toFixed(1)}`;
  return low === null || high === null ? of(difference) : `${of(difference)} (${of(low)} to ${of(high)})`;
}
