import { randomStream, requireOption, SitError } from "@sitjs/core";
import { type Interval, meanInterval } from "./interval.js";
import { knn } from "./knn.js";
import type { LabelledFeatures } from "./labelled-features.js";
import { logisticRegression } from "./logistic-regression.js";
import { accuracy } from "./metrics.js";
import { nearestMean } from "./nearest-mean.js";
import { pickRows } from "./rows.js";

export const fewShotMethods = ["nearest-mean", "logistic", "knn"] as const;

/** How queries are classified by the labelled rows of a draw. */
export type FewShotMethod = (typeof fewShotMethods)[number];

export interface FewShotOptions {
  /** Labelled rows of each class: default [1, 5, 10, 20]. */
  readonly shots?: readonly number[];
  /** How often labelled rows are drawn, at least 2 (default 20). */
  readonly draws?: number;
  /** Default: all. */
  readonly methods?: readonly FewShotMethod[];
  /** `strength` of the logistic regression (default 1). */
  readonly strength?: number;
  /** Neighbours that vote, at most as many as there are shots (default 20). */
  readonly neighbours?: number;
  /** Default: what both labels name. */
  readonly classes?: number;
  /** Of the draws (default 0). */
  readonly seed?: number;
  readonly signal?: AbortSignal | undefined;
  /** Told after each draw of each number of shots. */
  readonly onDraw?: (done: number, total: number) => void;
}

export interface FewShotResult extends Interval {
  readonly method: FewShotMethod;
  readonly shots: number;
  /** Fraction of the test rows, of each draw. */
  readonly accuracies: readonly number[];
}

/**
 * Classification of all test rows by a few labelled training rows of each class, drawn many times: mean accuracy and its 95 %
 * interval (Student's t) over the draws. The features' mean over all training rows, which needs no label, is taken out, and
 * they are made of length 1 (Wang et al. 2019, "SimpleShot").
 *
 * All methods see the same draws, and a draw with fewer shots is part of that with more. The interval is of the draws alone:
 * the test rows and the network are always the same.
 *
 * @throws SitError "bad-option" for the options, labels that are no class, and a class with fewer rows than shots
 */
export async function fewShot(
  train: LabelledFeatures,
  test: LabelledFeatures,
  options: FewShotOptions = {},
): Promise<FewShotResult[]> {
  const { shots = [1, 5, 10, 20], draws = 20, methods = fewShotMethods, strength, neighbours = 20 } = options;
  const { seed = 0, signal, onDraw } = options;
  requireOption(Number.isSafeInteger(draws) && draws >= 2, "draws", "a whole number of at least 2", draws);
  const largest = (labels: Int32Array) => labels.reduce((a, b) => Math.max(a, b), 0);
  const classes = options.classes ?? 1 + Math.max(largest(train.labels), largest(test.labels));
  const most = Math.max(...shots);
  const drawn = Array.from({ length: draws }, (_, draw) =>
    drawShots(train.labels, { shots: most, classes, seed, draw }),
  );
  const centre = meanOf(train);
  const [all, queries] = [centred(train, centre), centred(test, centre)];
  const classify: Record<FewShotMethod, (support: LabelledFeatures, count: number) => Promise<Float32Array>> =
    {
      "nearest-mean": (support) => nearestMean(support, queries, { classes }),
      logistic: (support) => logisticRegression(support, queries, { classes, ...(strength && { strength }) }),
      knn: async (support, count) =>
        (await knn(support, queries, { k: Math.min(neighbours, count), classes })).scores,
    };
  const results: FewShotResult[] = [];
  let done = 0;
  for (const count of shots) {
    const accuracies = methods.map((): number[] => []);
    for (const rows of drawn) {
      signal?.throwIfAborted();
      const support = pickRows(
        all,
        rows.flatMap((own) => own.slice(0, count)),
      );
      for (const [i, method] of methods.entries()) {
        const scores = await classify[method](support, count);
        accuracies[i]?.push(accuracy(scores, test.labels, classes)[0] as number);
      }
      onDraw?.(++done, shots.length * draws);
    }
    methods.forEach((method, i) => {
      const own = accuracies[i] as number[];
      results.push({ method, shots: count, accuracies: own, ...meanInterval(own) });
    });
  }
  return results;
}

/**
 * Rows of one draw, by class, in the order drawn: the first few are the draw with fewer shots.
 * @throws SitError "bad-option" where a class has fewer rows
 */
export function drawShots(
  labels: Int32Array,
  options: { readonly shots: number; readonly classes: number; readonly seed: number; readonly draw: number },
): number[][] {
  const { shots, classes, seed, draw } = options;
  requireOption(Number.isSafeInteger(shots) && shots >= 1, "shots", "whole numbers of at least 1", shots);
  const members = Array.from({ length: classes }, (): number[] => []);
  labels.forEach((label, row) => {
    members[label]?.push(row);
  });
  return members.map((rows, label) => {
    if (rows.length < shots) {
      const least = `at most ${rows.length}, the training images of class ${label}`;
      throw new SitError("bad-option", `shots: expected ${least}, got ${shots}`);
    }
    const order = randomStream(seed, "few-shot", draw, label).permutation(rows.length);
    return Array.from(order.subarray(0, shots), (at) => rows[at] as number);
  });
}

function meanOf({ features, size, labels }: LabelledFeatures): Float64Array {
  const mean = new Float64Array(size);
  for (let i = 0; i < features.length; i++) {
    mean[i % size] = (mean[i % size] as number) + (features[i] as number) / labels.length;
  }
  return mean;
}

function centred(of: LabelledFeatures, mean: Float64Array): LabelledFeatures {
  return { ...of, features: of.features.map((value, i) => value - (mean[i % of.size] as number)) };
}
