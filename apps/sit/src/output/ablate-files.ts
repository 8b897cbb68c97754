import { join } from "node:path";
import { writeFileAtomically } from "@sitjs/core/node";
import {
  type ReportAblation,
  type ReportComparison,
  type ReportData,
  renderComparison,
  spreadText,
} from "@sitjs/eval/report";
import type { Ablation } from "../ablation/definition.js";
import { type FindingResult, judgeFindings } from "../ablation/findings.js";
import type { GridAxis } from "../ablation/grid.js";
import { leftOutLines, leftOutSummary } from "../experiment/left-out.js";
import { runFiles } from "../run-folder/files.js";
import { commandLine, commonReportData } from "./report-data.js";
import { writeReport } from "./report-file.js";
import { type TrialsState, trialsFacts, trialsRow } from "./trial-table.js";

/** An ablation, as far as it has come; the settings are the base's. */
export interface AblationState extends TrialsState {
  readonly ablation: Ablation;
  readonly axes: readonly GridAxis[];
  readonly bankImages: number;
  /** How many trials there are to be. */
  readonly wanted: number;
}

/** The plot of an axis. */
const plotFile = (axis: string) => `ablate-${axis.replace(/[^\w-]+/g, "-")}.svg`;

/** What an ablation leaves in its folder. */
export function isOfAblation(name: string): boolean {
  return name === runFiles.ablation || name === runFiles.trials || /^ablate-[\w-]+\.svg$/.test(name);
}

/** A row for each variant of which a run is done. */
export function axisTable(
  { variants }: GridAxis,
  { seeds, trials }: Pick<AblationState, "seeds" | "trials">,
): ReportComparison {
  const rows = variants.flatMap(({ name, id }) =>
    trialsRow(
      name,
      trials.filter(({ folder }) => folder === join(runFiles.trials, id)),
    ),
  );
  return { seeds, rows };
}

const findingsOf = ({ ablation, axes, trials }: AblationState) =>
  judgeFindings(ablation.findings ?? [], axes, trials);

/** `ablate.json`: accuracies are fractions of the test images. */
export function ablationSummary(state: AblationState) {
  const { ablation, axes, bankImages, settings, leftOut, trials, wanted } = state;
  return {
    command: commandLine(),
    title: ablation.title,
    ...trialsFacts(state),
    settings,
    bankImages,
    complete: trials.length === wanted,
    seconds: trials.reduce((sum, trial) => sum + trial.seconds, 0),
    axes: axes.map((axis) => ({
      ...{ name: axis.name, title: axis.title, question: axis.question },
      variants: axis.variants.map(({ name: variant, method, id, changed }) => ({
        ...{ name: variant, method, id, changed },
      })),
      table: axisTable(axis, state).rows,
    })),
    findings: findingsOf(state),
    leftOut: leftOutSummary(leftOut.list()),
    trials,
  };
}

/** `ablate.json`, the report, and a plot for each axis. */
export async function writeAblation(out: string, state: AblationState): Promise<void> {
  const summary = `${JSON.stringify(ablationSummary(state), null, 2)}\n`;
  await writeFileAtomically(join(out, runFiles.ablation), summary);
  await writeReport(out, ablationReport(state));
  for (const axis of state.axes) {
    const table = axisTable(axis, state);
    if (table.rows.length === 0) continue;
    await writeFileAtomically(join(out, plotFile(axis.name)), await renderComparison(table));
  }
}

function ablationReport(state: AblationState): ReportData {
  const { ablation, axes, engine, settings, data, leftOut, trials, wanted, seeds } = state;
  const { imageSize, channels } = settings;
  const missing = wanted - trials.length;
  const warnings = missing > 0 ? [`${missing} of ${wanted} runs are still to come.`] : [];
  const title = `${ablation.title}, ${data.name}`;
  const [seed = 0] = seeds;
  return {
    ...commonReportData({ title, engine, settings, seed, warnings }),
    leftOut: leftOut.list(),
    dataset: {
      name: data.name,
      images: data.train.length + (data.test?.length ?? 0),
      test: data.test?.length,
      imageSize: [imageSize, imageSize, channels],
      classes: data.test?.classes,
    },
    ablation: {
      axes: axes.map((axis) => ({
        title: axis.title,
        ...(axis.question !== undefined && { question: axis.question }),
        ...axisTable(axis, state),
      })),
      findings: findingsOf(state).map(reportFinding),
    },
  };
}

function reportFinding({
  claim,
  source,
  verdict,
  measures,
}: FindingResult): ReportAblation["findings"][number] {
  const end = (value: number) => (Number.isFinite(value) ? value : null);
  return {
    claim,
    ...(source !== undefined && { source }),
    verdict,
    measures: measures.map(({ measure, verdict: own, difference: { mean: difference, low, high } }) => ({
      ...{ measure, difference, low: end(low), high: end(high), verdict: own },
    })),
  };
}

/** The tables and the findings for the terminal. */
export function ablationLines(state: AblationState): string[] {
  const { data, seeds, leftOut } = state;
  return [
    "",
    `Accuracy on ${data.test?.length} test images of ${data.name}, seeds ${seeds.join(", ")}`,
    ...state.axes.flatMap((axis) => axisLines(axis, state)),
    "",
    ...findingsOf(state).map(({ claim, verdict }) => `${verdict.padEnd(11)}${claim}`),
    "",
    ...leftOutLines(leftOut.list()),
  ];
}

function axisLines(axis: GridAxis, state: AblationState): string[] {
  const { rows } = axisTable(axis, state);
  const [first] = rows;
  if (first === undefined) return [];
  const cell = (text: string) => text.padStart(17);
  const percents = (of: Parameters<typeof spreadText>[0]) => cell(spreadText(of));
  const head = [
    cell("k-NN"),
    cell("linear probe"),
    ...first.accuracy.map(({ labels }) => cell(`${labels} labels`)),
  ];
  return [
    "",
    `${axis.title.padEnd(30)}${head.join("")}`,
    ...rows.map(({ name, knn, linear, accuracy }) =>
      [name.padEnd(30), percents(knn), percents(linear), ...accuracy.map(percents)].join(""),
    ),
  ];
}
