import { totalCost } from "./operation-times.mjs";

/**
 * A profile as lines of text: the slowest operations, then all others as one, then what is in none of them.
 *
 * @param {import("../profile.mjs").StepProfile} profile
 * @param {number} rows operations to show
 */
export function profileTable(profile, rows) {
  const { operations, outside, whole } = profile;
  const rest = operations.slice(rows);
  const shown = [
    ...operations.slice(0, rows),
    ...(rest.length > 0 ? [{ name: `(${rest.length} more)`, ...totalCost(rest) }] : []),
    outside,
    whole,
  ];
  const width = Math.max(...shown.map(({ name }) => name.length));
  const line = (name, cells) => name.padEnd(width) + cells.map((cell) => cell.padStart(10)).join("");
  const { workload, precision, kernels, steps, peakMemoryMB } = profile;
  return [
    `Workload ${workload}, ${precision}, fused kernels ${kernels}: mean of ${steps} steps, peak memory ${peakMemoryMB.toFixed(0)} MB.`,
    line("operation", ["calls", "ms", "share", "cores", "faults"]),
    ...shown.map(({ name, calls, milliseconds, processorMilliseconds, pageFaults }) =>
      line(name, [
        calls > 0 ? calls.toFixed(0) : "",
        milliseconds.toFixed(1),
        `${((100 * milliseconds) / whole.milliseconds).toFixed(1)} %`,
        (processorMilliseconds / milliseconds).toFixed(2),
        pageFaults.toFixed(0),
      ]),
    ),
  ];
}
