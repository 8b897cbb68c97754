import { type ReportComparison, type ReportData, spreadText } from "@sitjs/eval/report";
import { leftOutLines, leftOutSummary } from "../experiment/left-out.js";
import { type ComparedName, comparedTitle } from "../settings/compared.js";
import { commandLine, commonReportData } from "./report-data.js";
import { type TrialsState, trialsFacts, trialsRow } from "./trial-table.js";

/** A comparison, as far as it has come; the settings are those of the first method. */
export interface ComparisonState extends TrialsState {
  readonly methods: readonly ComparedName[];
}

/** A row for each method of which a trial is done. */
export function comparisonTable({ methods, seeds, trials }: ComparisonState): ReportComparison {
  const rows = methods.flatMap((name) =>
    trialsRow(
      comparedTitle(name),
      trials.filter(({ method }) => method === name),
    ),
  );
  return { seeds, rows };
}

/** `compare.json`: accuracies are fractions of the test images. */
export function comparisonSummary(state: ComparisonState) {
  const { methods, seeds, leftOut, trials } = state;
  return {
    command: commandLine(),
    ...trialsFacts(state),
    methods,
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
  const percents = (of: Parameters<typeof spreadText>[0]) => cell(spreadText(of));
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
    ...leftOutLines(state.leftOut.list()),
  ];
}
