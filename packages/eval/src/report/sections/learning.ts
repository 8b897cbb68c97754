import { type Curve, curveChart } from "../../figures/curves.js";
import type { LearningRecord, ReportData, ReportPretraining } from "../data.js";
import { count, duration, loss } from "../format.js";
import { type Html, html, trusted } from "../html.js";
import { type Section, section } from "./section.js";

interface Panel {
  key: keyof LearningRecord;
  title: string;
  color: string;
  fromZero: boolean;
}

const PANELS: readonly Panel[] = [
  { key: "reconstruction", title: "Reconstruction loss", color: "var(--accent)", fromZero: false },
  { key: "contrast", title: "Contrast loss", color: "var(--accent-2)", fromZero: false },
  { key: "learningRate", title: "Learning rate", color: "var(--muted)", fromZero: true },
  { key: "imagesPerSecond", title: "Images per second", color: "var(--muted)", fromZero: true },
];

/** Both losses, the learning rate and the speed over the epochs of pretraining. */
export function learningSection(data: ReportData): Section | undefined {
  const { pretrain } = data;
  if (!pretrain) return undefined;
  const shown = PANELS.filter(({ key }) =>
    [...pretrain.history, ...(pretrain.stepHistory ?? [])].some((record) => Number.isFinite(record[key])),
  );
  const how = `Both losses should fall: reconstruction is how far the repaired pixels are from the true ones, contrast is
how hard it is to find an image's other view among the batch. Thick lines are means of an epoch${
    pretrain.stepHistory?.length ? ", pale ones single steps" : ""
  }. ${count(pretrain.epochs)} epochs, ${count(pretrain.steps)} steps, ${duration(pretrain.seconds)},
${count(pretrain.imagesPerSecond)} images per second.`;
  return section(
    "pretraining",
    "Pretraining",
    how,
    html`<div class="columns">${shown.map((panel) => figure(panel, pretrain))}</div>${numbers(shown, pretrain)}`,
  );
}

function figure(panel: Panel, pretrain: ReportPretraining): Html {
  const { key, title, color, fromZero } = panel;
  const perEpoch = pretrain.steps / Math.max(1, pretrain.epochs);
  const steps = (pretrain.stepHistory ?? [])
    .map((record) => ({ x: record.step / perEpoch, y: record[key] ?? Number.NaN }))
    .filter((point) => Number.isFinite(point.y));
  // The mean of an epoch stands at its middle, where the steps it comes from are.
  const epochs = pretrain.history.map((record) => ({ x: record.epoch - 0.5, y: record[key] ?? Number.NaN }));
  // The schedule has no noise to smooth: its steps are the curve.
  const exact = key === "learningRate" && steps.length > 0;
  const all: Curve[] = exact
    ? [{ color, points: steps }]
    : [
        { color, points: steps, faint: true },
        { color, points: epochs },
      ];
  const curves = all.filter((curve) => curve.points.length > 0);
  return html`<figure><h3>${title}</h3>${trusted(
    curveChart({
      description: `${title} by epoch`,
      xLabel: "epoch",
      yLabel: "",
      curves,
      fromZero,
      xEnd: pretrain.epochs,
    }),
  )}</figure>`;
}

function numbers(panels: readonly Panel[], pretrain: ReportPretraining): Html | undefined {
  if (pretrain.history.length === 0) return undefined;
  return html`<details><summary>The numbers of each epoch</summary><div class="scroll"><table><thead><tr><th
scope="col">Epoch</th>${panels.map(
    ({ title }) => html`<th scope="col" class="number">${title}</th>`,
  )}</tr></thead><tbody>${pretrain.history.map(
    (record) =>
      html`<tr><th scope="row">${record.epoch}</th>${panels.map(
        ({ key }) =>
          html`<td class="number">${key === "imagesPerSecond" ? count(record[key]) : loss(record[key])}</td>`,
      )}</tr>`,
  )}</tbody></table></div></details>`;
}
