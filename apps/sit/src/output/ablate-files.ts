import { join } from "node:path";
import { writeFileAtomically } from "@sitjs/core/node";
import type { Engine } from "@sitjs/engine";
import { meanAndDeviation } from "@sitjs/eval";
import {
  type ReportAblation,
  type ReportComparison,
  type ReportComparisonRow,
  type ReportData,
  renderComparison,
} from "@sitjs/eval/report";
import type { Ablation } from "../ablation/definition.js";
import { type FindingResult, judgeFindings } from "../ablation/findings.js";
import type { GridAxis, GridVariant } from "../ablation/grid.js";
import { type LeftOut, leftOutSummary } from "../experiment/left-out.js";
import type { RunData } from "../experiment/run-data.js";
import { runFiles } from "../run-folder/files.js";
import type { TrialRecord } from "../run-folder/trials.js";
import type { Settings } from "../settings/settings.js";
import { commandLine, commonReportData } from "./report-data.js";
import { writeReport } from "./report-file.js";

/** An ablation, as far as it has come. */
export interface AblationState {
  readonly ablation: Ablation;
  readonly axes: readonly GridAxis[];
  readonly seeds: readonly number[];
  readonly labelsPerClass: readonly number[];
  readonly bankImages: number;
  readonly preset: string;
  /** The base. */
  readonly settings: Settings;
  readonly engine: Engine;
  readonly data: RunData;
  readonly leftOut: LeftOut;
  /** Those that are done, of `wanted`. */
  readonly trials: readonly TrialRecord[];
  readonly wanted: number;
}

/** The plot of an axis. */
const plotFile = (axis: string) => `ablate-${axis.replace(/[^\w-]+/g, "-")}.svg`;

/** What an ablation leaves in its folder. */
export function isOfAblation(name: string): boolean {
  return name === runFiles.ablation || name === runFiles.trials || /^ablate-[\w-]+\.svg$/.test(name);
}

const spread = (values: readonly number[]) => ({ values: [...values], ...meanAndDeviation(values) });
const mean = (values: readonly number[]) => meanAndDeviation(values).mean;

/** A row for each variant of which a run is done: means and deviations (n - 1) over the seeds. */
export function axisTable(
  { variants }: GridAxis,
  { seeds, trials }: Pick<AblationState, "seeds" | "trials">,
): ReportComparison {
  return { seeds, rows: variants.flatMap((variant) => variantRow(variant, trials)) };
}

function variantRow({ name, id }: GridVariant, trials: readonly TrialRecord[]): ReportComparisonRow[] {
  const own = trials.filter(({ folder }) => folder === join(runFiles.trials, id));
  const [first] = own;
  if (first === undefined) return [];
  const pretrained = own.flatMap(({ result }) => (result.pretrain ? [result.pretrain] : []));
  const linear = own.flatMap((trial) => trial.result.linear ?? []);
  return [
    {
      name,
      runs: own.length,
      knn: spread(own.map(({ result }) => result.knn)),
      ...(linear.length > 0 && { linear: spread(linear) }),
      accuracy: first.result.accuracy.map(({ labels }, i) => ({
        labels,
        ...spread(own.map(({ result }) => result.accuracy[i]?.top1 ?? Number.NaN)),
      })),
      ...(pretrained.length > 0 && {
        seconds: mean(pretrained.map(({ seconds }) => seconds)),
        imagesPerSecond: mean(pretrained.map(({ imagesPerSecond }) => imagesPerSecond)),
      }),
    },
  ];
}

const findingsOf = ({ ablation, axes, trials }: AblationState) =>
  judgeFindings(ablation.findings ?? [], axes, trials);

/** `ablate.json`: accuracies are fractions of the test images. */
export function ablationSummary(state: AblationState) {
  const { ablation, axes, seeds, labelsPerClass, bankImages, preset, settings, engine, data } = state;
  const { name, device, tensorflow, cores, kernels } = engine;
  const { leftOut, trials, wanted } = state;
  return {
    command: commandLine(),
    date: new Date().toISOString(),
    title: ablation.title,
    engine: name,
    device,
    tensorflow,
    cores,
    kernels,
    dataset: data.name,
    testImages: data.test?.length,
    classes: data.test?.classes?.length,
    preset,
    settings,
    seeds,
    labelsPerClass,
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
  return [
    ...state.axes.flatMap((axis) => axisLines(axis, state)),
    "",
    ...findingsOf(state).map(({ claim, verdict }) => `${verdict.padEnd(11)}${claim}`),
    "",
  ];
}

function axisLines(axis: GridAxis, state: AblationState): string[] {
  const { rows } = axisTable(axis, state);
  const [first] = rows;
  if (first === undefined) return [];
  const cell = (text: string) => text.padStart(17);
  const percents = (of: { mean: number; deviation: number; values: readonly number[] } | undefined) => {
    if (of === undefined) return cell("–");
    const share = (value: number) => (100 * value).toFixed(1);
    return cell(
      of.values.length > 1 ? `${share(of.mean)} ± ${share(of.deviation)} %` : `${share(of.mean)} %`,
    );
  };
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
