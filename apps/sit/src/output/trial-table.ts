import type { Engine } from "@sitjs/engine";
import { meanAndDeviation } from "@sitjs/eval";
import type { ReportComparisonRow } from "@sitjs/eval/report";
import type { LeftOut } from "../experiment/left-out.js";
import type { RunData } from "../experiment/run-data.js";
import type { TrialRecord } from "../run-folder/trial-record.js";
import type { Settings } from "../settings/settings.js";

/** What a command of many trials has come to so far. */
export interface TrialsState {
  readonly seeds: readonly number[];
  readonly labelsPerClass: readonly number[];
  readonly preset: string;
  /** That all share, or that all begin with. */
  readonly settings: Settings;
  readonly engine: Engine;
  readonly data: RunData;
  readonly leftOut: LeftOut;
  /** Those that are done. */
  readonly trials: readonly TrialRecord[];
}

/** What it ran on and with, for its JSON file. */
export function trialsFacts({ engine, data, preset, seeds, labelsPerClass }: TrialsState) {
  const { name, device, tensorflow, cores, kernels } = engine;
  return {
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
    seeds,
    labelsPerClass,
  };
}

const spread = (values: readonly number[]) => ({ values: [...values], ...meanAndDeviation(values) });
const mean = (values: readonly number[]) => meanAndDeviation(values).mean;

/** Trials that differ in their seed as a row: means and deviations (n - 1); none where there are no trials. */
export function trialsRow(name: string, trials: readonly TrialRecord[]): ReportComparisonRow[] {
  const [first] = trials;
  if (first === undefined) return [];
  const pretrained = trials.flatMap(({ result }) => (result.pretrain ? [result.pretrain] : []));
  const linear = trials.flatMap(({ result }) => result.linear ?? []);
  return [
    {
      name,
      runs: trials.length,
      knn: spread(trials.map(({ result }) => result.knn)),
      ...(linear.length > 0 && { linear: spread(linear) }),
      accuracy: first.result.accuracy.map(({ labels }, i) => ({
        labels,
        ...spread(trials.map(({ result }) => result.accuracy[i]?.top1 ?? Number.NaN)),
      })),
      ...(pretrained.length > 0 && {
        seconds: mean(pretrained.map(({ seconds }) => seconds)),
        imagesPerSecond: mean(pretrained.map(({ imagesPerSecond }) => imagesPerSecond)),
      }),
    },
  ];
}
