import { SitError } from "@sitjs/core/errors";

/**
 * The share of rows whose label is among the `k` largest logits, for each `k` (fractions, not percent).
 *
 * @param logits [rows x classes], row by row
 * @param labels class of each row, 0 to classes - 1
 * @param ks for example [1, 5]; each at most the number of classes counts as that number
 * @throws SitError "bad-shape" where sizes do not fit, "bad-option" where a label is no class
 */
export function accuracy(
  logits: Float32Array,
  labels: ArrayLike<number>,
  classes: number,
  ks: readonly number[] = [1],
): number[] {
  const rows = labels.length;
  if (logits.length !== rows * classes) {
    throw new SitError(
      "bad-shape",
      `accuracy: expected ${rows} x ${classes} logits, got ${logits.length} values`,
    );
  }
  requireLabels("labels", labels, classes);
  const hits = ks.map(() => 0);
  for (let row = 0; row < rows; row++) {
    const own = logits[row * classes + (labels[row] as number)] as number;
    let larger = 0;
    for (let c = 0; c < classes; c++) {
      const other = logits[row * classes + c] as number;
      // Of equal logits the earlier class ranks first; one that is not a number is no hit, nor makes another one.
      if (!(other <= own) || (other === own && c < (labels[row] as number))) larger++;
    }
    ks.forEach((k, i) => {
      if (larger < k) hits[i] = (hits[i] as number) + 1;
    });
  }
  return hits.map((count) => (rows === 0 ? Number.NaN : count / rows));
}

/** Without this an unlabelled row (-1) would count as a hit, for no logit is larger than the one it lacks. */
export function requireLabels(option: string, labels: ArrayLike<number>, classes: number): void {
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] as number;
    if (label >= 0 && label < classes && Number.isInteger(label)) continue;
    throw new SitError(
      "bad-option",
      `${option}[${i}]: expected a class from 0 to ${classes - 1}, got ${label}${label === -1 ? " (no label)" : ""}`,
    );
  }
}

/** The index of the largest of each row's logits; the first of equal ones. */
export function predictions(logits: Float32Array, classes: number): Int32Array {
  return Int32Array.from({ length: logits.length / classes }, (_, row) => {
    let best = 0;
    for (let c = 1; c < classes; c++) {
      if ((logits[row * classes + c] as number) > (logits[row * classes + best] as number)) best = c;
    }
    return best;
  });
}

/** Mean and standard deviation (of the sample, n - 1; 0 for one value). */
export function meanAndDeviation(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0 };
}
