import { printable } from "@sitjs/core/errors";
import type { MeanAveragePrecision } from "@sitjs/eval";
import type { ReportData } from "@sitjs/eval/report";
import { leftOutLines, leftOutSummary } from "../experiment/left-out.js";
import { percent } from "../experiment/multi-label.js";
import {
  type SupervisedOutcome,
  type SupervisedOutput,
  supervisedDataset,
  supervisedFacts,
  writtenLine,
} from "./finetune-files.js";
import { commonReportData, peakMemoryMB } from "./report-data.js";

type Outcome = SupervisedOutcome<MeanAveragePrecision>;

/** What `sit multilabel` writes and says. */
export function multiLabelOutput(outcome: Outcome, out: string): SupervisedOutput {
  const summary = multiLabelSummary(outcome);
  return { summary, report: multiLabelReport(outcome), lines: multiLabelLines(summary, outcome, out) };
}

/** `summary.json`: precisions are fractions, null where no test image shows the class. */
function multiLabelSummary(outcome: Outcome) {
  const { data, result, leftOut } = outcome;
  return {
    command: "multilabel",
    ...supervisedFacts(outcome),
    meanAveragePrecision: orNull(result.mean),
    guessing: orNull(guessing(result)),
    classes: classesOf({ data, result }),
    leftOut: leftOutSummary(leftOut),
    peakMemoryMB: peakMemoryMB(),
  };
}

function multiLabelReport({ choice, engine, data, start, network, result, leftOut }: Outcome): ReportData {
  const { settings, seed } = choice;
  const { trainImages, losses, mean } = result;
  return {
    ...commonReportData({ title: `Several classes an image: ${data.name}`, engine, settings, seed, network }),
    leftOut,
    dataset: supervisedDataset({ choice, data, result }),
    multiLabel: {
      mean: orNull(mean),
      guessing: orNull(guessing(result)),
      classes: classesOf({ data, result }),
    },
    finetune: [{ labels: trainImages, start, history: losses }],
  };
}

function classesOf({ data, result }: Pick<Outcome, "data" | "result">) {
  return result.perClass.map((value, c) => ({
    name: data.test?.classes?.[c] ?? String(c),
    averagePrecision: orNull(value),
    positives: result.positives[c] as number,
    counted: result.counted[c] as number,
  }));
}

/** What an order at random comes near, over the same classes as the mean. */
function guessing({ perClass, positives, counted }: MeanAveragePrecision): number {
  const shares = perClass.flatMap((value, c) =>
    Number.isNaN(value) ? [] : [(positives[c] as number) / (counted[c] as number)],
  );
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

/** Classes that the terminal shows, the best and the worst; all are in the files. */
const SHOWN = 10;

function multiLabelLines(
  { testImages, labels, start, classes }: ReturnType<typeof multiLabelSummary>,
  { result, leftOut }: Outcome,
  out: string,
): string[] {
  const known = classes
    .filter(({ averagePrecision }) => averagePrecision !== null)
    .sort((a, b) => Number(b.averagePrecision) - Number(a.averagePrecision));
  const shown = known.length <= SHOWN ? known : [...known.slice(0, SHOWN / 2), ...known.slice(-SHOWN / 2)];
  const width = Math.max(0, ...shown.map(({ name }) => printable(name).length));
  const without = classes.length - known.length;
  const how = start === "scratch" ? "from scratch" : "pretrained";
  const atRandom = `at random about ${percent(guessing(result))}`;
  return [
    `Mean average precision ${percent(result.mean)} (${atRandom}) on ${testImages} test images, with ${labels} labelled images, ${how}`,
    ...shown.map(
      ({ name, averagePrecision, positives }) =>
        `  ${printable(name).padEnd(width)}  ${percent(averagePrecision as number).padStart(7)}  ${positives} images`,
    ),
    ...(known.length > SHOWN ? [`  the best and the worst ${SHOWN / 2} of ${known.length} classes`] : []),
    ...(without > 0
      ? [`  ${without} of ${classes.length} classes are in no test image, and do not count`]
      : []),
    ...leftOutLines(leftOut),
    writtenLine(out),
  ];
}
