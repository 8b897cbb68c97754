import { requireOption, SitError } from "@sitjs/core";

/** What is known of each of several classes that do not exclude each other. */
export interface MeanAveragePrecision {
  /** Mean over the classes that have a value; NaN where none has. */
  readonly mean: number;
  /** Of each class; NaN where no row that counts shows it, so that there is nothing to find. */
  readonly perClass: readonly number[];
  /** Rows that show the class, and rows that count for it: their share is what an order at random comes near. */
  readonly positives: readonly number[];
  readonly counted: readonly number[];
}

/**
 * Average precision: the sum over the distinct scores, from the highest, of the precision of all rows with at least that
 * score times the share of positives that have it. Rows of equal scores enter together, so their order does not matter;
 * nothing is interpolated (as `average_precision_score` of scikit-learn; Pascal VOC's 11 points are another measure).
 *
 * @param scores of each row; a higher one says rather yes; finite or not, but no NaN
 * @param targets of each row: 1 positive, 0 negative, others do not count
 * @returns from 0 to 1; NaN without positives
 * @throws SitError "bad-shape" where there are not as many of both, "not-finite" for a score that is not a number
 */
export function averagePrecision(scores: ArrayLike<number>, targets: ArrayLike<number>): number {
  if (scores.length !== targets.length) {
    throw new SitError(
      "bad-shape",
      `averagePrecision: expected as many scores as targets, ${targets.length}, got ${scores.length}`,
    );
  }
  const rows: number[] = [];
  let positives = 0;
  for (let row = 0; row < targets.length; row++) {
    const target = targets[row];
    if (target !== 0 && target !== 1) continue;
    if (Number.isNaN(scores[row])) {
      throw new SitError("not-finite", `averagePrecision: scores[${row}]: expected a number, got NaN`);
    }
    rows.push(row);
    positives += target;
  }
  if (positives === 0) return Number.NaN;
  const score = (at: number) => scores[rows[at] as number] as number;
  // Not by the difference, which is not a number between two infinite ones.
  rows.sort((a, b) => {
    const [first, second] = [scores[a] as number, scores[b] as number];
    return first > second ? -1 : first < second ? 1 : 0;
  });
  let sum = 0;
  let found = 0;
  for (let at = 0; at < rows.length; ) {
    const threshold = score(at);
    let more = 0;
    for (; at < rows.length && score(at) === threshold; at++) more += targets[rows[at] as number] as number;
    found += more;
    sum += (found / at) * more;
  }
  return sum / positives;
}

/**
 * `averagePrecision` of each class, and its plain mean over the classes that have positives.
 *
 * @param scores [rows x classes], row by row, such as logits
 * @param targets [rows x classes]: 1, 0, others (255, -1) do not count
 * @throws SitError "bad-shape" where sizes do not fit, "bad-option" for `classes`, "not-finite" as `averagePrecision`
 */
export function meanAveragePrecision(
  scores: ArrayLike<number>,
  targets: ArrayLike<number>,
  classes: number,
): MeanAveragePrecision {
  requireOption(Number.isSafeInteger(classes) && classes > 0, "classes", "a positive whole number", classes);
  if (scores.length !== targets.length || targets.length % classes !== 0) {
    throw new SitError(
      "bad-shape",
      `meanAveragePrecision: expected scores and targets of ${classes} classes a row, got ${scores.length} and ${targets.length} values`,
    );
  }
  const rows = targets.length / classes;
  const column = (values: ArrayLike<number>, c: number) =>
    Float64Array.from({ length: rows }, (_, row) => values[row * classes + c] as number);
  const columns = Array.from({ length: classes }, (_, c) => column(targets, c));
  const perClass = columns.map((own, c) => averagePrecision(column(scores, c), own));
  const positives = columns.map((own) => own.reduce((sum, target) => sum + Number(target === 1), 0));
  const negatives = columns.map((own) => own.reduce((sum, target) => sum + Number(target === 0), 0));
  const known = perClass.filter((value) => !Number.isNaN(value));
  return {
    mean: known.reduce((sum, value) => sum + value, 0) / known.length,
    perClass,
    positives,
    counted: positives.map((count, c) => count + (negatives[c] as number)),
  };
}
