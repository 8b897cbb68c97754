import type { Reporter } from "../reporter.js";
import type { WatchRecord } from "./record.js";

/** Below this share of 1 / sqrt(size) the embeddings of all images are all but the same. */
export const LEAST_DEVIATION = 0.02;
/** Below this effective rank they lie along one line. */
export const LEAST_RANK = 1.5;

/** True where embeddings have collapsed. */
export function hasCollapsed({
  deviation,
  effectiveRank,
}: Pick<WatchRecord, "deviation" | "effectiveRank">): boolean {
  return deviation < LEAST_DEVIATION || effectiveRank < LEAST_RANK;
}

/**
 * Warns once in a run that embeddings collapse, with what to do.
 * @param earlier looks of the parts of the run before this one
 */
export function collapseWarning(
  report: Reporter,
  earlier: readonly WatchRecord[],
): (record: WatchRecord) => void {
  let warned = earlier.some((record) => record.step > 0 && hasCollapsed(record));
  return (record) => {
    // Before the first step the network has learned nothing that could be lost.
    if (warned || record.step === 0 || !hasCollapsed(record)) return;
    warned = true;
    report({ event: "warning", text: collapseText(record) });
  };
}

function collapseText({ step, deviation, effectiveRank }: WatchRecord): string {
  return (
    `the embeddings collapse: after ${step} steps those of different images are all but the same ` +
    `(deviation ${deviation.toFixed(3)} of 1 / sqrt(width), expected above ${LEAST_DEVIATION}; ` +
    `effective rank ${effectiveRank.toFixed(1)}, expected above ${LEAST_RANK}). What the run learns from here on is ` +
    "worth little: stop it and begin again with a lower --learning-rate, a longer --warmup-epochs, a larger " +
    "--batch-size or a --momentum nearer to 1"
  );
}
