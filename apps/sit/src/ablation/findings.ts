import { join } from "node:path";
import { type Interval, meanInterval } from "@sitjs/eval";
import { runFiles } from "../run-folder/files.js";
import type { TrialRecord } from "../run-folder/trial-record.js";
import type { AblationFinding } from "./definition.js";
import type { GridAxis } from "./grid.js";

/** "seen": the whole interval is above zero; "not seen": all of it is below; else "undecided". */
export type Verdict = "seen" | "not seen" | "undecided";

export interface FindingMeasure {
  /** "k-NN", "linear probe", "100 labels". */
  readonly measure: string;
  /** Better minus worse, by seed: the mean and its 95 % interval by Student's t, as fractions of the test images. */
  readonly difference: Interval;
  /** How many seeds it is taken from. */
  readonly seeds: number;
  readonly verdict: Verdict;
}

export interface FindingResult extends AblationFinding {
  readonly measures: readonly FindingMeasure[];
  /** "seen" where a measure says so and none the contrary, "not seen" the other way round. */
  readonly verdict: Verdict;
}

/** Every measure of a trial by its name. */
export function measuresOf({ result }: Pick<TrialRecord, "result">): ReadonlyMap<string, number> {
  return new Map([
    ["k-NN", result.knn],
    ...(result.linear === undefined ? [] : [["linear probe", result.linear] as const]),
    ...result.accuracy.map(({ labels, top1 }) => [`${labels} labels`, top1] as const),
  ]);
}

/** What the trials that are done say of each finding. A seed counts where all its trials are done. */
export function judgeFindings(
  findings: readonly AblationFinding[],
  axes: readonly GridAxis[],
  trials: readonly TrialRecord[],
): FindingResult[] {
  const ids = new Map(axes.flatMap(({ variants }) => variants.map(({ path, id }) => [path, id] as const)));
  const seeds = [...new Set(trials.map(({ seed }) => seed))].sort((a, b) => a - b);
  const names = [...new Set(trials.flatMap((trial) => [...measuresOf(trial).keys()]))];
  const resultOf = (path: string, seed: number, measure: string) => {
    const trial = trials.find(
      (each) => each.folder === join(runFiles.trials, ids.get(path) as string) && each.seed === seed,
    );
    return trial && measuresOf(trial).get(measure);
  };
  const meanOf = (paths: readonly string[], seed: number, measure: string) => {
    const values = paths.map((path) => resultOf(path, seed, measure));
    return values.includes(undefined)
      ? undefined
      : (values as number[]).reduce((sum, value) => sum + value, 0) / values.length;
  };
  return findings.map((finding) => {
    const measures = names.flatMap((measure): FindingMeasure[] => {
      const differences = seeds.flatMap((seed) => {
        const [better, worse] = [meanOf(finding.better, seed, measure), meanOf(finding.worse, seed, measure)];
        return better === undefined || worse === undefined ? [] : [better - worse];
      });
      if (differences.length === 0) return [];
      const difference = meanInterval(differences);
      return [{ measure, difference, seeds: differences.length, verdict: verdictOf(difference) }];
    });
    return { ...finding, measures, verdict: verdictOfAll(measures) };
  });
}

function verdictOf({ low, high }: Interval): Verdict {
  if (low > 0) return "seen";
  return high < 0 ? "not seen" : "undecided";
}

function verdictOfAll(measures: readonly FindingMeasure[]): Verdict {
  const has = (verdict: Verdict) => measures.some((each) => each.verdict === verdict);
  if (has("seen") === has("not seen")) return "undecided";
  return has("seen") ? "seen" : "not seen";
}
