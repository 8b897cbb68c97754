import { evaluateTargets, type MeanAveragePrecision } from "@sitjs/eval";
import { sigmoidCrossEntropy } from "@sitjs/losses";
import type { Judge } from "./evaluation.js";

/** Each image shows any number of classes. */
export const byAveragePrecision: Judge<MeanAveragePrecision> = {
  loss: ({ labelSmoothing }) => sigmoidCrossEntropy({ labelSmoothing }),
  async evaluate(...of) {
    const { mean, perClass, positives, counted } = await evaluateTargets(...of);
    return { mean, perClass, positives, counted };
  },
  outcome: ({ mean }) => `mean average precision ${percent(mean)}`,
};

/** A fraction in words; of what has no value a dash. */
export function percent(fraction: number): string {
  return Number.isNaN(fraction) ? "–" : `${(100 * fraction).toFixed(1)} %`;
}
