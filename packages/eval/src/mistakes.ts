import { requireOption, SitError } from "@sitjs/core/errors";
import { requireLabels } from "./metrics.js";

/** How often each class was taken for each: `confusion[true][predicted]`, images. */
export type ConfusionMatrix = readonly (readonly number[])[];

/**
 * Counts of images by their class (rows) and the class they were given (columns).
 *
 * @param labels, predicted classes of each image, 0 to classes - 1
 * @throws SitError "bad-shape" where there are not as many of both, "bad-option" for what is no class
 */
export function confusionMatrix(
  labels: ArrayLike<number>,
  predicted: ArrayLike<number>,
  classes: number,
): ConfusionMatrix {
  if (labels.length !== predicted.length) {
    throw new SitError(
      "bad-shape",
      `confusionMatrix: expected ${labels.length} predictions, got ${predicted.length}`,
    );
  }
  requireLabels("labels", labels, classes);
  requireLabels("predicted", predicted, classes);
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < labels.length; i++) {
    const row = counts[labels[i] as number] as number[];
    row[predicted[i] as number] = (row[predicted[i] as number] as number) + 1;
  }
  return counts;
}

/** How one class fares. */
export interface ClassAccuracy {
  /** Its index. */
  readonly label: number;
  readonly images: number;
  /** The share of its images that were recognised (recall); null where it has none. */
  readonly accuracy: number | null;
}

/** The accuracy of each class by itself, by its index. */
export function classAccuracies(confusion: ConfusionMatrix): ClassAccuracy[] {
  return confusion.map((row, label) => {
    const images = row.reduce((sum, count) => sum + count, 0);
    return { label, images, accuracy: images === 0 ? null : (row[label] as number) / images };
  });
}

/** Images of one class taken for another. */
export interface ConfusedPair {
  readonly label: number;
  readonly predicted: number;
  readonly images: number;
}

/** Which classes are taken for which, the most images first; of as many the earlier classes first. */
export function confusedPairs(confusion: ConfusionMatrix): ConfusedPair[] {
  return confusion
    .flatMap((row, label) => row.map((images, predicted) => ({ label, predicted, images })))
    .filter(({ label, predicted, images }) => images > 0 && label !== predicted)
    .sort((a, b) => b.images - a.images);
}

/** An image that was given a wrong class. */
export interface Mistake {
  /** Which image: its row. */
  readonly row: number;
  readonly label: number;
  readonly predicted: number;
  /** What the wrong class was given. */
  readonly probability: number;
}

/**
 * The images that were given a wrong class with the highest probability, those first.
 *
 * @param probabilities [rows x classes], row by row: `softmax` of logits, `voteShares` of votes
 * @param count how many at most
 * @throws SitError "bad-shape" where sizes do not fit, "bad-option" for what is no class and for `count`
 */
export function worstMistakes(
  probabilities: Float32Array,
  labels: ArrayLike<number>,
  classes: number,
  count: number,
): Mistake[] {
  if (probabilities.length !== labels.length * classes) {
    throw new SitError(
      "bad-shape",
      `worstMistakes: expected ${labels.length} x ${classes} probabilities, got ${probabilities.length} values`,
    );
  }
  requireLabels("labels", labels, classes);
  requireOption(Number.isSafeInteger(count) && count >= 0, "count", "a whole number of at least 0", count);
  const wrong: Mistake[] = [];
  for (let row = 0; row < labels.length; row++) {
    const own = probabilities.subarray(row * classes, (row + 1) * classes);
    const predicted = own.reduce((best, value, c) => (value > (own[best] as number) ? c : best), 0);
    const label = labels[row] as number;
    if (predicted !== label) wrong.push({ row, label, predicted, probability: own[predicted] as number });
  }
  return wrong.sort((a, b) => b.probability - a.probability || a.row - b.row).slice(0, count);
}

/** Logits [rows x classes] as probabilities, row by row. */
export function softmax(logits: Float32Array, classes: number): Float32Array {
  const result = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += classes) {
    const row = logits.subarray(start, start + classes);
    const largest = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    result.set(
      row.map((value) => Math.exp(value - largest)),
      start,
    );
  }
  return voteShares(result, classes);
}

/** Votes [rows x classes], none below 0, as shares of their row's sum; a row without votes stays 0. */
export function voteShares(votes: Float32Array, classes: number): Float32Array {
  const result = new Float32Array(votes.length);
  for (let start = 0; start < votes.length; start += classes) {
    const row = votes.subarray(start, start + classes);
    const sum = row.reduce((a, b) => a + b, 0);
    if (sum > 0)
      result.set(
        row.map((value) => value / sum),
        start,
      );
  }
  return result;
}
