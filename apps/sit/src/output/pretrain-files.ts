import { join } from "node:path";
import type { Batches } from "@sitjs/data";
import type { Engine } from "@sitjs/engine";
import type { ReportData } from "@sitjs/eval/report";
import type { Resolved } from "../command-line/resolve.js";
import { type LeftOutImage, leftOutLines, leftOutSummary } from "../experiment/left-out.js";
import type { MethodTexts } from "../experiment/model.js";
import type { ReconstructionPictures } from "../experiment/pictures.js";
import type { PretrainingResult } from "../experiment/pretraining.js";
import type { RunData } from "../experiment/run-data.js";
import { runFiles } from "../run-folder/files.js";
import { commonReportData, lossesByEpoch, peakMemoryMB, pretrainingData } from "./report-data.js";

/** A pretraining that is done. */
export interface PretrainOutcome {
  readonly method: MethodTexts;
  readonly choice: Resolved;
  readonly engine: Engine;
  readonly data: RunData;
  /** Those that were pretrained on. */
  readonly images: number;
  readonly loader: Pick<Batches, "stepsPerEpoch">;
  readonly result: Omit<PretrainingResult, "state">;
  readonly leftOut: readonly LeftOutImage[];
}

/** `summary.json`: lists have one number for each epoch. */
export function pretrainSummary({ choice, engine, data, images, loader, result, leftOut }: PretrainOutcome) {
  const { seed, preset, settings } = choice;
  const { steps, seconds, imagesPerSecond } = result;
  return {
    command: "pretrain",
    engine: engine.name,
    dataset: data.name,
    images,
    seed,
    preset,
    settings,
    pretrain: {
      epochs: steps / loader.stepsPerEpoch,
      steps,
      seconds,
      imagesPerSecond,
      losses: lossesByEpoch(result),
    },
    leftOut: leftOutSummary(leftOut),
    peakMemoryMB: peakMemoryMB(),
  };
}

export type PretrainSummary = ReturnType<typeof pretrainSummary>;

/** Everything that the report shows of it. */
export function pretrainReport(
  { choice, method, engine, data, images, loader, result, leftOut }: PretrainOutcome,
  rows: readonly ReconstructionPictures[] | undefined,
): ReportData {
  const { settings, seed } = choice;
  const { imageSize, channels } = settings;
  return {
    ...commonReportData({
      title: `${method.title}: pretraining on ${data.name}`,
      engine,
      settings,
      seed,
    }),
    leftOut,
    dataset: { name: data.name, images, unlabelled: images, imageSize: [imageSize, imageSize, channels] },
    pretrain: pretrainingData(result, result.steps / loader.stepsPerEpoch, method),
    ...(rows && { reconstructions: [{ title: "Training images", rows }] }),
  };
}

/** The outcome for the terminal. */
export function pretrainLines({ images, pretrain, leftOut }: PretrainSummary, out: string): string[] {
  const { steps, imagesPerSecond, losses } = pretrain;
  const last = Object.entries(losses).flatMap(([name, values]) => {
    const value = values.at(-1);
    return typeof value === "number" ? [`${name} ${value.toFixed(4)}`] : [];
  });
  return [
    `Pretrained ${steps} steps on ${images} images at ${imagesPerSecond.toFixed(1)} images/s: ${last.join(", ")}`,
    ...leftOutLines(leftOut.images),
    `Wrote ${join(out, runFiles.checkpoints)} and ${join(out, runFiles.report)}`,
  ];
}
