/** What one look at a run has found. */
export interface WatchRecord {
  /** Steps done. */
  readonly step: number;
  /** Epochs done, with their fraction. */
  readonly epoch: number;
  /** Images that were looked at. */
  readonly images: number;
  /** Fraction of the queries whose neighbours among the other training images name their class; none without labels. */
  readonly knn?: number;
  /** See `collapseMeasures` of `@sitjs/eval`. */
  readonly deviation: number;
  readonly effectiveRank: number;
  readonly rank: number;
  /** Of all gradients together, mean and largest of the steps since the last look; none before the first step. */
  readonly gradientNorm?: { readonly mean: number; readonly largest: number };
  /** That the look took. */
  readonly seconds: number;
}
