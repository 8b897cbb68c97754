import type { Engine } from "@sitjs/engine";
import type { ReportData } from "@sitjs/eval/report";
import type { DemoResult } from "../experiment/demo.js";
import { type LeftOut, leftOutLines, leftOutSummary } from "../experiment/left-out.js";
import type { MethodTexts } from "../experiment/model.js";
import type { Settings } from "../settings/settings.js";
import { commonReportData, lossesByEpoch, peakMemoryMB, pretrainingData } from "./report-data.js";

/** What is known before the demo runs. */
export interface DemoSetup {
  readonly method: MethodTexts;
  readonly engine: Engine;
  readonly preset: string;
  readonly settings: Settings;
  readonly seed: number;
  readonly dataset: string;
  readonly images: number;
  readonly labelled: number;
  readonly test: number;
  readonly classes: readonly string[] | undefined;
  readonly warnings: readonly string[];
  readonly leftOut: LeftOut;
}

/** `summary.json`: accuracies are fractions of the test images. */
export function demoSummary(setup: DemoSetup, result: DemoResult) {
  const { engine, preset, settings, seed, dataset, images, test, warnings, leftOut } = setup;
  const { pretrain, knn, comparisons, seconds, timings } = result;
  const { steps, imagesPerSecond, epochs } = pretrain;
  return {
    engine: engine.name,
    device: engine.device,
    tensorflow: engine.tensorflow,
    cores: engine.cores,
    kernels: engine.kernels,
    dataset,
    images,
    testImages: test,
    seed,
    preset,
    settings,
    pretrain: {
      epochs: epochs.length,
      steps,
      seconds: pretrain.seconds,
      imagesPerSecond,
      losses: lossesByEpoch(pretrain),
    },
    knn,
    accuracy: Object.fromEntries(
      comparisons.map(({ labels, scratch, pretrained }) => [
        String(labels),
        { scratch: scratch.top1, pretrained: pretrained.top1 },
      ]),
    ),
    seconds,
    timings,
    peakMemoryMB: peakMemoryMB(),
    warnings,
    leftOut: leftOutSummary(leftOut.list()),
  };
}

export type DemoSummary = ReturnType<typeof demoSummary>;

/** Everything the report shows of the demo. */
export function demoReport(setup: DemoSetup, result: DemoResult): ReportData {
  const { method, engine, settings, seed, dataset, images, labelled, test, classes, warnings, leftOut } =
    setup;
  const { pretrain, knn, comparisons, pictures, mistakes, projections, timings } = result;
  const { imageSize, channels } = settings;
  return {
    ...commonReportData({
      title: `${method.title} on ${dataset}`,
      engine,
      settings,
      seed,
      warnings,
    }),
    leftOut: leftOut.list(),
    dataset: {
      name: dataset,
      images: images + test,
      labelled,
      unlabelled: images,
      test,
      imageSize: [imageSize, imageSize, channels],
      classes,
    },
    pretrain: pretrainingData(pretrain, pretrain.epochs.length, method),
    accuracy: comparisons.map(({ labels, scratch, pretrained }) => ({
      labels,
      scratch: scratch.top1,
      pretrained: pretrained.top1,
    })),
    knn: { ...knn, k: settings.neighbours },
    ...(mistakes && { mistakes: [mistakes] }),
    finetune: comparisons.flatMap(({ labels, scratch, pretrained }) => [
      { labels, start: "scratch" as const, history: scratch.losses },
      { labels, start: "pretrained" as const, history: pretrained.losses },
    ]),
    ...(pictures && {
      reconstructions: [
        { title: "Training images", rows: pictures.train },
        {
          title: "Test images",
          caption: "Images that no part of the training has seen.",
          rows: pictures.test,
        },
      ],
    }),
    ...(projections && {
      embeddings: [
        {
          title: "Before pretraining",
          caption: `t-SNE of ${projections.before.length} test images`,
          points: projections.before,
        },
        { title: "After pretraining", caption: "t-SNE of the same images", points: projections.after },
      ],
    }),
    timings,
  };
}

/** The outcome in a few lines for the terminal. */
export function demoLines(summary: DemoSummary): string[] {
  const percent = (fraction: number) => `${(100 * fraction).toFixed(1)} %`.padStart(7);
  const { knn, accuracy, testImages } = summary;
  return [
    "",
    `Accuracy on ${testImages} test images of ${summary.dataset}`,
    `${"".padEnd(14)}${"from scratch".padStart(14)}${"pretrained".padStart(14)}${"gain".padStart(16)}`,
    ...Object.entries(accuracy).map(([labels, { scratch, pretrained }]) => {
      const gain = `${(100 * (pretrained - scratch)).toFixed(1)} points`;
      return `${`${labels} labels`.padEnd(14)}${percent(scratch).padStart(14)}${percent(pretrained).padStart(14)}${gain.padStart(16)}`;
    }),
    `${"k-NN".padEnd(14)}${percent(knn.before).padStart(14)}${percent(knn.after).padStart(14)}${`${(100 * (knn.after - knn.before)).toFixed(1)} points`.padStart(16)}`,
    ...leftOutLines(summary.leftOut.images),
    "",
  ];
}
