import type { Engine } from "@sitjs/engine";
import { meanAndDeviation } from "@sitjs/eval";
import type { ReportComparison, ReportData } from "@sitjs/eval/report";
import { type LeftOut, leftOutSummary } from "../experiment/left-out.js";
import type { RunData } from "../experiment/run-data.js";
import type { TrialRecord } from "../run-folder/trials.js";
import { type ComparedName, comparedTitle } from "../settings/compared.js";
import type { Settings } from "../settings/settings.js";
import { commandLine, commonReportData } from "./report-data.js";

/** A comparison, as far as it has come. */
export interface ComparisonState {
  readonly methods: readonly ComparedName[];
  readonly seeds: readonly number[];
  readonly labelsPerClass: readonly number[];
  readonly preset: string;
  /** That all share; those of the first method. */
  readonly settings: Settings;
  readonly engine: Engine;
  readonly data: RunData;
  readonly leftOut: LeftOut;
  /** Those that are done. */
  readonly trials: readonly TrialRecord[];
}

const spread = (values: readonly number[]) => ({ values: [...values], ...meanAndDeviation(values) });
const mean = (values: readonly number[]) => meanAndDeviation(values).mean;

/** A row for each method of which a trial is done: means and deviations (n - 1) over the seeds. */
export function comparisonTable({ methods, seeds, trials }: ComparisonState): ReportComparison {
  const rows = methods.flatMap((name) => {
    const own = trials.filter(({ method }) => method === name);
    const [first] = own;
    if (first === undefined) return [];
    const pretrained = own.flatMap(({ result }) => (result.pretrain ? [result.pretrain] : []));
    return [
      {
        name: comparedTitle(name),
        runs: own.length,
        knn: spread(own.map(({ result }) => result.knn)),
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
  });
  return { seeds, rows };
}

/** `compare.json`: accuracies are fractions of the test images. */
export function comparisonSummary(state: ComparisonState) {
  const { methods, seeds, labelsPerClass, preset, engine, data, leftOut, trials } = state;
  const { name, device, tensorflow, cores, kernels } = engine;
  return {
    command: commandLine(),
    date: new Date().toISOString(),
    engine: name,
    device,
    tensorflow,
    cores,
    kernels,
    dataset: data.name,
    testImages: data.test?.length,
    classes: data.test?.classes?.length,
    preset,
    methods,
    seeds,
    labelsPerClass,
    complete: trials.length === methods.length * seeds.length,
    table: comparisonTable(state).rows,
    leftOut: leftOutSummary(leftOut.list()),
    trials,
  };
}

export type ComparisonSummary = ReturnType<typeof comparisonSummary>;

/** Everything that the report shows. */
export function comparisonReport(state: ComparisonState): ReportData {
  const { engine, settings, data, leftOut, trials, methods, seeds } = state;
  const { imageSize, channels } = settings;
  const missing = methods.length * seeds.length - trials.length;
  const warnings =
    missing > 0 ? [`${missing} of ${methods.length * seeds.length} runs are still to come.`] : [];
  const [seed = 0] = seeds;
  return {
    ...commonReportData({ title: `Methods compared on ${data.name}`, engine, settings, seed, warnings }),
    leftOut: leftOut.list(),
    dataset: {
      name: data.name,
      images: data.train.length + (data.test?.length ?? 0),
      ...(trials[0] && { unlabelled: trials[0].images }),
      test: data.test?.length,
      imageSize: [imageSize, imageSize, channels],
      classes: data.test?.classes,
    },
    comparison: comparisonTable(state),
  };
}

/** The table for the terminal. */
export function comparisonLines(state: ComparisonState): string[] {
  const { rows } = comparisonTable(state);
  const labels = [...new Set(rows.flatMap(({ accuracy }) => accuracy.map((each) => each.labels)))];
  const cell = (text: string) => text.padStart(16);
  const percents = (of: { mean: number; deviation: number; values: readonly number[] } | undefined) => {
    if (of === undefined) return cell("–");
    const share = (value: number) => (100 * value).toFixed(1);
    return cell(
      of.values.length > 1 ? `${share(of.mean)} ± ${share(of.deviation)} %` : `${share(of.mean)} %`,
    );
  };
  const seconds = (value: number | undefined) => cell(value === undefined ? "–" : `${value.toFixed(0)} s`);
  return [
    "",
    `Accuracy on ${state.data.test?.length} test images of ${state.data.name}, seeds ${state.seeds.join(", ")}`,
    [
      "".padEnd(22),
      cell("k-NN"),
      ...labels.map((count) => cell(`${count} labels`)),
      cell("pretraining"),
    ].join(""),
    ...rows.map(({ name, knn, accuracy, seconds: time }) =>
      [
        name.padEnd(22),
        percents(knn),
        ...labels.map((count) => percents(accuracy.find((each) => each.labels === count))),
        seconds(time),
      ].join(""),
    ),
    "",
  ];
}
