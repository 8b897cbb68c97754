import { type Curve, curveChart } from "../../figures/curves.js";
import type { LearningRecord, ReportData, ReportPretraining } from "../data.js";
import { count, duration, loss } from "../format.js";
import { type Html, html, trusted } from "../html.js";
import { type Section, section } from "./section.js";

interface Panel {
  title: string;
  color: string;
  value(record: LearningRecord): number | null | undefined;
  fromZero?: boolean;
  /** The values of single steps have no noise to smooth: they are the curve. */
  exact?: boolean;
  written(value: number | null | undefined): string;
}

const COLORS = ["var(--accent)", "var(--accent-2)"];

const COMMON: readonly Panel[] = [
  {
    title: "Learning rate",
    color: "var(--muted)",
    value: (record) => record.learningRate,
    fromZero: true,
    exact: true,
    written: loss,
  },
  {
    title: "Images per second",
    color: "var(--muted)",
    value: (record) => record.imagesPerSecond,
    fromZero: true,
    written: count,
  },
];

/** One for each part of the loss, in the order in which they come. */
function partPanels(records: readonly LearningRecord[]): Panel[] {
  const names = new Set(records.flatMap((record) => Object.keys(record.parts ?? {})));
  return [...names].map((name, i) => ({
    title: partTitle(name),
    color: COLORS[i % COLORS.length] as string,
    value: (record) => record.parts?.[name],
    written: loss,
  }));
}

/** "Reconstruction loss"; what is a measure of its own keeps its name. */
function partTitle(name: string): string {
  const title = name.charAt(0).toUpperCase() + name.slice(1);
  return /(loss|accuracy)$/i.test(name) ? title : `${title} loss`;
}

/** The parts of the loss, the learning rate and the speed over the epochs of pretraining. */
export function learningSection(data: ReportData): Section | undefined {
  const { pretrain } = data;
  if (!pretrain) return undefined;
  const records = [...pretrain.history, ...(pretrain.stepHistory ?? [])];
  const shown = [...partPanels(records), ...COMMON].filter(({ value }) =>
    records.some((record) => Number.isFinite(value(record))),
  );
  const how = `${pretrain.explanation ?? "Losses should fall."} Thick lines are means of an epoch${
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
  const { value, title, color, fromZero = false } = panel;
  const perEpoch = pretrain.steps / Math.max(1, pretrain.epochs);
  const steps = (pretrain.stepHistory ?? [])
    .map((record) => ({ x: record.step / perEpoch, y: value(record) ?? Number.NaN }))
    .filter((point) => Number.isFinite(point.y));
  // The mean of an epoch stands at its middle, where the steps it comes from are.
  const epochs = pretrain.history.map((record) => ({
    x: record.epoch - 0.5,
    y: value(record) ?? Number.NaN,
  }));
  const exact = panel.exact === true && steps.length > 0;
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
        ({ value, written }) => html`<td class="number">${written(value(record))}</td>`,
      )}</tr>`,
  )}</tbody></table></div></details>`;
}
