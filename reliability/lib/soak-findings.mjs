import { spread } from "../../benchmarks/lib/statistics.mjs";

/**
 * What a soaked run's samples say.
 *
 * @param {readonly import("../runs/soak-run.mjs").Sample[]} samples
 * @param {{ seconds: number, tensors: number, tensorBytes: number, other: number, otherSteps: object[],
 *   evaluations: number }} ended `other`: steps with other tensors than the first, of which `otherSteps` are some
 * @param {{ steps: number, warmup: number, flat: number }} settings `flat`: the largest difference of two samples after the
 *   warm-up, as a share of their median
 */
export function soakFindings(samples, ended, { steps, warmup, flat }) {
  const settled = samples.filter(({ step }) => step > warmup);
  const { minimum, median, maximum } = spread(settled.map(({ residentMB }) => residentMB));
  const share = (maximum - minimum) / median;
  const [first, last] = [settled[0], settled.at(-1)];
  const values = (name) => [...new Set(settled.map((sample) => sample[name]))];
  const failures = [];
  if (share > flat) {
    failures.push(`resident memory from ${minimum} to ${maximum} MB: expected within ${100 * flat} %`);
  }
  if (ended.other > 0) {
    failures.push(
      `${ended.other} steps with other tensors than the first: ${JSON.stringify(ended.otherSteps)}`,
    );
  }
  for (const name of ["handles", "threads"]) {
    if (values(name).length > 1)
      failures.push(`${name}: expected the same at every look, got ${values(name)}`);
  }
  const findings = {
    resident: { minimum, median, maximum, spread: Number(share.toFixed(4)) },
    peakMB: { afterWarmup: first.peakMB, atEnd: last.peakMB },
    heapMB: { afterWarmup: first.heapMB, atEnd: last.heapMB },
    tensors: ended.tensors,
    tensorBytes: ended.tensorBytes,
    handles: last.handles,
    threads: last.threads,
    evaluations: ended.evaluations,
    stepMs: Number(((1000 * ended.seconds) / steps).toFixed(1)),
  };
  return { findings, failures };
}
