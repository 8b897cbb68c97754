import { totalCost } from "./operation-times.mjs";
import { alignColumns } from "./table.mjs";

/**
 * A profile as rows: the slowest operations, then all others as one, then what is in none of them, then the whole.
 *
 * @param {import("../profile.mjs").StepProfile} profile
 * @param {number} count operations to show
 */
export function profileRows({ operations, outside, whole }, count) {
  const rest = operations.slice(count);
  return [
    ...operations.slice(0, count),
    ...(rest.length > 0 ? [{ name: `(${rest.length} more)`, ...totalCost(rest) }] : []),
    outside,
    whole,
  ];
}

/**
 * A profile for people to read. `cores` is processor time over time: how many threads were at work.
 *
 * @param {import("../profile.mjs").StepProfile} profile
 * @param {number} count operations to show
 * @returns {string[]}
 */
export function profileLines(profile, count) {
  const { workload, precision, kernels, steps, peakMB, whole } = profile;
  return [
    `Workload ${workload}, ${precision}, fused kernels ${kernels}: mean of ${steps} steps, peak memory ${peakMB.toFixed(0)} MB.`,
    ...alignColumns([
      ["operation", "calls", "ms", "share", "cores", "faults"],
      ...profileRows(profile, count).map(
        ({ name, calls, milliseconds, processorMilliseconds, pageFaults }) => [
          name,
          calls > 0 ? calls.toFixed(0) : "",
          milliseconds.toFixed(1),
          `${((100 * milliseconds) / whole.milliseconds).toFixed(1)} %`,
          (processorMilliseconds / milliseconds).toFixed(2),
          pageFaults.toFixed(0),
        ],
      ),
    ]),
  ];
}
