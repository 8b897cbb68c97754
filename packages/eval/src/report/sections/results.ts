import { type Bar, barChart } from "../../figures/bars.js";
import { curveChart } from "../../figures/curves.js";
import type { ReportAccuracy, ReportData, ReportFinetune } from "../data.js";
import { count, gain, loss, percent } from "../format.js";
import { type Html, html, trusted } from "../html.js";
import { type Section, section } from "./section.js";

const SCRATCH = "var(--plain)";
const SCRATCH_LINE = "var(--muted)";
const PRETRAINED = "var(--accent)";

/** Accuracy with few labels, from scratch and pretrained. */
export function accuracySection(data: ReportData): Section | undefined {
  const rows =
    data.accuracy?.filter((row) => row.scratch !== undefined || row.pretrained !== undefined) ?? [];
  if (rows.length === 0) return undefined;
  const classes = data.dataset?.classes?.length ?? 0;
  const test = data.dataset?.test;
  const compared = rows.some((row) => row.scratch !== undefined && row.pretrained !== undefined);
  const how = `Share of ${test === undefined ? "test images" : `the ${count(test)} test images`} given the right class.${
    compared
      ? " Both are the same network with the same labels and as many steps; one starts from pretraining. Pretrained, lower layers learn more slowly (layer decay); from scratch, all learn at the whole rate."
      : ""
  }`;
  return section(
    "accuracy",
    "Accuracy with few labels",
    how,
    html`<div class="columns"><figure>${trusted(
      barChart({
        description: `Bars of test accuracy: ${rows.map(spoken).join("; ")}`,
        bars: rows.flatMap(bars),
        ...(classes > 1 ? { reference: 1 / classes } : {}),
      }),
    )}${
      classes > 1
        ? html`<figcaption class="caption">Dashed line: guessing among ${count(classes)} classes of equal size,
${percent(1 / classes)}.</figcaption>`
        : undefined
    }</figure><div class="scroll"><table><thead><tr><th scope="col">Labels</th><th scope="col" class="number">From
scratch</th><th scope="col" class="number">Pretrained</th><th scope="col" class="number">Gain</th></tr></thead>
<tbody>${rows.map(
      (row) =>
        html`<tr><th scope="row">${count(row.labels)}${
          classes > 1 && row.labels % classes === 0 ? ` (${count(row.labels / classes)} a class)` : ""
        }</th><td class="number">${percent(row.scratch)}</td><td class="number">${percent(row.pretrained)}</td>${gainCell(
          row.scratch,
          row.pretrained,
        )}</tr>`,
    )}</tbody></table></div></div>${finetuneCurves(data.finetune ?? [])}`,
  );
}

function spoken(row: ReportAccuracy): string {
  return `${row.labels} labels, from scratch ${percent(row.scratch)}, pretrained ${percent(row.pretrained)}`;
}

function bars(row: ReportAccuracy): Bar[] {
  const group = `${count(row.labels)} labels`;
  return [
    ...(row.scratch === undefined
      ? []
      : [{ group, name: "from scratch", value: row.scratch, color: SCRATCH }]),
    ...(row.pretrained === undefined
      ? []
      : [{ group, name: "pretrained", value: row.pretrained, color: PRETRAINED }]),
  ];
}

function gainCell(from: number | undefined, to: number | undefined): Html {
  const better = from === undefined || to === undefined || to >= from;
  return html`<td class="number"><span class="${better ? "gain" : "loss"}">${gain(from, to)}</span></td>`;
}

/** Training loss and test accuracy of fine-tuning runs, and the numbers. */
export function finetuneCurves(runs: readonly ReportFinetune[]): Html | undefined {
  const counts = [...new Set(runs.map((run) => run.labels))];
  const panels = counts.flatMap((labels) =>
    (["loss", "accuracy"] as const).flatMap((key) => {
      const curves = runs
        .filter((run) => run.labels === labels)
        .map((run) => ({
          label: run.start === "scratch" ? "from scratch" : "pretrained",
          color: run.start === "scratch" ? SCRATCH_LINE : PRETRAINED,
          points: run.history.map((record) => ({ x: record.epoch, y: record[key] ?? Number.NaN })),
        }))
        .filter((curve) => curve.points.some((point) => Number.isFinite(point.y)));
      if (curves.length === 0) return [];
      const name = key === "loss" ? "training loss" : "test accuracy";
      return [
        html`<figure><h3>${count(labels)} labels: ${name}</h3>${trusted(
          curveChart({
            description: `Curves of ${name} by epoch with ${labels} labels`,
            xLabel: "epoch",
            yLabel: name,
            curves,
            fromZero: key === "loss",
            ...(key === "accuracy" ? { yFormat: "%" } : {}),
          }),
        )}</figure>`,
      ];
    }),
  );
  if (panels.length === 0) return undefined;
  return html`<h3>Fine-tuning, epoch by epoch</h3><div class="columns">${panels}</div>
<details><summary>The numbers</summary><div class="scroll"><table><thead><tr><th scope="col">Labels</th><th
scope="col">Start</th><th scope="col" class="number">Epoch</th><th scope="col" class="number">Loss</th><th scope="col"
class="number">Accuracy</th></tr></thead><tbody>${runs.flatMap((run) =>
    run.history.map(
      (record) => html`<tr><td>${count(run.labels)}</td><td>${run.start}</td><td
class="number">${record.epoch}</td><td class="number">${loss(record.loss)}</td><td
class="number">${percent(record.accuracy ?? undefined)}</td></tr>`,
    ),
  )}</tbody></table></div></details>`;
}

/** k-NN accuracy before and after pretraining. */
export function knnSection(data: ReportData): Section | undefined {
  const { before, after, k } = data.knn ?? {};
  if (before === undefined && after === undefined) return undefined;
  const how = `Each test image takes the class that its ${
    k === undefined ? "nearest" : `${k} nearest`
  } labelled training images vote for, by the network's embeddings as they are, with nothing fine-tuned.${
    before === undefined ? "" : ' "Before" is the network with random weights.'
  }`;
  const group = "k-NN";
  const bars: Bar[] = [
    ...(before === undefined ? [] : [{ group, name: "before", value: before, color: SCRATCH }]),
    ...(after === undefined ? [] : [{ group, name: "after", value: after, color: PRETRAINED }]),
  ];
  return section(
    "knn",
    "Nearest neighbours",
    how,
    html`<div class="columns"><figure>${trusted(
      barChart({
        description: `Bars of k-NN accuracy: before ${percent(before)}, after ${percent(after)}`,
        bars,
      }),
    )}</figure><div class="scroll"><table><thead><tr><th scope="col" class="number">Before</th><th scope="col"
class="number">After</th><th scope="col" class="number">Gain</th></tr></thead><tbody><tr><td
class="number">${percent(before)}</td><td class="number">${percent(after)}</td>${gainCell(before, after)}</tr></tbody>
</table></div></div>`,
  );
}
