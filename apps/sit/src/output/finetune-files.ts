import { join } from "node:path";
import type { Engine } from "@sitjs/engine";
import { softmax } from "@sitjs/eval";
import type { ReportData, ReportMistakes } from "@sitjs/eval/report";
import type { Resolved } from "../command-line/resolve.js";
import type { Accuracy, SupervisedResult } from "../experiment/evaluation.js";
import { type LeftOutImage, leftOutLines, leftOutSummary } from "../experiment/left-out.js";
import type { LoaderContext } from "../experiment/loaders.js";
import { mistakesOf } from "../experiment/mistakes.js";
import type { NetworkOrigin } from "../experiment/network-origin.js";
import type { RunData } from "../experiment/run-data.js";
import { runFiles } from "../run-folder/files.js";
import { commonReportData, networkRecord, peakMemoryMB } from "./report-data.js";

/** A training of a classifier that is done. */
export interface SupervisedOutcome<Score extends object> {
  readonly choice: Resolved;
  readonly engine: Engine;
  readonly data: RunData;
  readonly start: "scratch" | "pretrained";
  /** What it began with; undefined from scratch, and where a run goes on that does not say. */
  readonly network: NetworkOrigin | undefined;
  readonly result: Omit<SupervisedResult, "params"> & Score;
  readonly context: LoaderContext;
  readonly leftOut: readonly LeftOutImage[];
}

/** What a command makes of its outcome: `summary.json`, the report, and lines for the terminal. */
export interface SupervisedOutput {
  readonly summary: Readonly<Record<string, unknown>>;
  readonly report: ReportData;
  readonly lines: readonly string[];
}

type FinetuneOutcome = SupervisedOutcome<Accuracy> & { readonly mistakes: ReportMistakes };

/** What `sit finetune` writes and says. */
export async function finetuneOutput(
  outcome: SupervisedOutcome<Accuracy>,
  out: string,
): Promise<SupervisedOutput> {
  const { start, result, data, context } = outcome;
  const test = data.test as NonNullable<RunData["test"]>;
  const mistakes = await mistakesOf({
    title: `${result.trainImages} labels, ${start === "scratch" ? "from scratch" : "pretrained"}`,
    probabilities: softmax(result.logits, result.logits.length / test.length),
    test,
    context,
  });
  const summary = finetuneSummary({ ...outcome, mistakes });
  return { summary, report: finetuneReport({ ...outcome, mistakes }), lines: finetuneLines(summary, out) };
}

/** What `summary.json` says of any classifier's training. */
export function supervisedFacts({ choice, engine, data, start, network, result }: SupervisedOutcome<object>) {
  const { seed, settings } = choice;
  const { trainImages, testImages, steps, seconds } = result;
  return {
    engine: engine.name,
    dataset: data.name,
    start,
    ...(network && { network: networkRecord(network) }),
    seed,
    settings,
    labels: trainImages,
    testImages,
    steps,
    seconds,
  };
}

/** `summary.json`: accuracies are fractions of the test images. */
export function finetuneSummary(outcome: FinetuneOutcome) {
  const { result, mistakes, leftOut } = outcome;
  const { top1, top5 } = result;
  return {
    command: "finetune",
    ...supervisedFacts(outcome),
    accuracy: { top1, top5 },
    confusion: mistakes.confusion,
    leftOut: leftOutSummary(leftOut),
    peakMemoryMB: peakMemoryMB(),
  };
}

export type FinetuneSummary = ReturnType<typeof finetuneSummary>;

/** The images, for the report. */
export function supervisedDataset({
  choice,
  data,
  result,
}: Pick<SupervisedOutcome<object>, "choice" | "data" | "result">): NonNullable<ReportData["dataset"]> {
  const { imageSize, channels } = choice.settings;
  const { trainImages, testImages } = result;
  return {
    name: data.name,
    images: trainImages + testImages,
    labelled: trainImages,
    test: testImages,
    imageSize: [imageSize, imageSize, channels],
    classes: data.test?.classes,
  };
}

/** Everything that the report shows of it. */
export function finetuneReport({
  choice,
  engine,
  data,
  start,
  network,
  result,
  mistakes,
  leftOut,
}: FinetuneOutcome): ReportData {
  const { settings, seed } = choice;
  const { top1, trainImages, losses } = result;
  return {
    ...commonReportData({ title: `Fine-tuning on ${data.name}`, engine, settings, seed, network }),
    leftOut,
    dataset: supervisedDataset({ choice, data, result }),
    accuracy: [{ labels: trainImages, [start]: top1 }],
    finetune: [{ labels: trainImages, start, history: losses }],
    mistakes: [mistakes],
  };
}

/** The outcome for the terminal. */
export function finetuneLines(summary: FinetuneSummary, out: string): string[] {
  const { accuracy, testImages, labels, start } = summary;
  const how = start === "scratch" ? "from scratch" : "pretrained";
  return [
    `Accuracy ${(100 * accuracy.top1).toFixed(2)} % on ${testImages} test images, with ${labels} labels, ${how}`,
    ...leftOutLines(summary.leftOut.images),
    writtenLine(out),
  ];
}

/** Where the results are. */
export function writtenLine(out: string): string {
  return `Wrote ${join(out, runFiles.checkpoints)} and ${join(out, runFiles.report)}`;
}
