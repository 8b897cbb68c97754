import { randomStream, requireOption, SitError } from "@sitjs/core";
import type { LabelledFeatures } from "./labelled-features.js";
import { type LinearProbeOptions, linearProbe } from "./linear-probe.js";
import { pickRows } from "./rows.js";

export interface LearningRateChoice {
  readonly learningRate: number;
  /** Of each rate that was tried: fraction of the held-out rows that were classified right. */
  readonly tried: readonly { readonly learningRate: number; readonly top1: number }[];
}

/**
 * The learning rate whose linear probe classifies a held-out fifth of the training rows best; of equal ones the first. The
 * test images have no part in it.
 *
 * @param rates at least one
 * @param options of the probe; `heldOut` is the share of each class that judges (default 0.2)
 * @throws SitError "bad-option" where too few rows are there to hold some out; as `linearProbe`
 */
export async function chooseLearningRate(
  train: LabelledFeatures,
  rates: readonly number[],
  options: LinearProbeOptions & { readonly heldOut?: number } = {},
): Promise<LearningRateChoice> {
  const { heldOut = 0.2, seed = 0, ...probe } = options;
  requireOption(rates.length > 0, "learningRates", "at least one", rates.length);
  requireOption(heldOut > 0 && heldOut < 1, "heldOut", "a number between 0 and 1", heldOut);
  const classes = probe.classes ?? 1 + train.labels.reduce((a, b) => Math.max(a, b), 0);
  const [fit, judge] = heldOutRows(train.labels, heldOut, seed).map((rows) => pickRows(train, rows)) as [
    LabelledFeatures,
    LabelledFeatures,
  ];
  const tried: { learningRate: number; top1: number }[] = [];
  for (const learningRate of rates) {
    const { top1 } = await linearProbe(fit, judge, { ...probe, classes, seed, learningRate });
    tried.push({ learningRate, top1 });
  }
  const best = tried.reduce((a, b) => (b.top1 > a.top1 ? b : a));
  return { learningRate: best.learningRate, tried };
}

/** Rows to fit with and rows to judge by, of each class in the same shares; a class of one row is only fitted. */
function heldOutRows(labels: Int32Array, share: number, seed: number): [number[], number[]] {
  const members = new Map<number, number[]>();
  labels.forEach((label, row) => {
    const own = members.get(label);
    if (own) own.push(row);
    else members.set(label, [row]);
  });
  const [fit, judge]: [number[], number[]] = [[], []];
  for (const [label, rows] of members) {
    const order = randomStream(seed, "held-out", label).permutation(rows.length);
    const count = rows.length < 2 ? 0 : Math.max(1, Math.round(share * rows.length));
    order.forEach((at, i) => {
      (i < count ? judge : fit).push(rows[at] as number);
    });
  }
  if (judge.length === 0) {
    throw new SitError(
      "bad-option",
      "train: expected a class of at least two rows to hold some out, got none",
    );
  }
  return [fit, judge];
}
