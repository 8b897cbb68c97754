import type { WatchRecord } from "../experiment/watching/record.js";

/** `After 2 epochs: k-NN 71.2 %, deviation 0.61, effective rank 34.5, gradient norm 1.3 (largest 4.2)` */
export function watchLine({ epoch, knn, deviation, effectiveRank, gradientNorm }: WatchRecord): string {
  const when =
    epoch === 0
      ? "Before the first step"
      : `After ${Number(epoch.toFixed(2))} epoch${epoch === 1 ? "" : "s"}`;
  const neighbours = knn === undefined ? "" : `k-NN ${(100 * knn).toFixed(1)} %, `;
  const norms =
    gradientNorm === undefined
      ? ""
      : `, gradient norm ${gradientNorm.mean.toPrecision(3)} (largest ${gradientNorm.largest.toPrecision(3)})`;
  return `${when}: ${neighbours}deviation ${deviation.toFixed(3)}, effective rank ${effectiveRank.toFixed(1)}${norms}`;
}
