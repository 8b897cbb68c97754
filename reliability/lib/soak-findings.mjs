import { spread } from "../../benchmarks/lib/statistics.mjs";

/** More threads at the end than after the warm-up, at most. */
const MORE_THREADS = 2;

/**
 * What a soaked run's samples say.
 *
 * @param {readonly import("../runs/soak-run.mjs").Sample[]} samples
 * @param {{ seconds: number, tensors: number, tensorBytes: number, other: number, otherSteps: object[],
 *   evaluations: number }} ended `other`: steps with other tensors than the first, of which `otherSteps` are some
 * @param {{ steps: number, warmup: number, flat: number }} settings `flat`: the largest difference of two samples after the
 *   warm-up, both just after a checkpoint, as a share of their median
 */
export function soakFindings(samples, ended, { steps, warmup, flat }) {
  const settled = samples.filter(({ step }) => step > warmup);
  const saved = residentSpread(settled.filter((sample) => sample.saved));
  const resident = residentSpread(settled);
  const [first, last] = [settled[0], settled.at(-1)];
  const failures = [];
  if (saved.spread > flat) {
    const { minimum, maximum } = saved;
    failures.push(`resident memory from ${minimum} to ${maximum} MB: expected within ${100 * flat} %`);
  }
  if (ended.other > 0) {
    failures.push(
      `${ended.other} steps with other tensors than the first: ${JSON.stringify(ended.otherSteps)}`,
    );
  }
  const handles = [...new Set(settled.map((sample) => sample.handles))];
  if (handles.length > 1) {
    failures.push(`open files: expected as many at every look, got ${handles.join(", ")}`);
  }
  const threads = spread(settled.map((sample) => sample.threads));
  // Those of the image library come and go with the work; more and more of them would be a leak.
  if (last.threads > first.threads + MORE_THREADS) {
    failures.push(`threads: expected about ${first.threads}, as after the warm-up, got ${last.threads}`);
  }
  const findings = {
    saved,
    resident,
    peakMB: { afterWarmup: first.peakMB, atEnd: last.peakMB },
    heapMB: { afterWarmup: first.heapMB, atEnd: last.heapMB },
    tensors: ended.tensors,
    tensorBytes: ended.tensorBytes,
    handles: last.handles,
    threads: { minimum: threads.minimum, maximum: threads.maximum },
    evaluations: ended.evaluations,
    stepMs: Number(((1000 * ended.seconds) / steps).toFixed(1)),
  };
  return { findings, failures };
}

/** @param {readonly { residentMB: number }[]} samples */
function residentSpread(samples) {
  const found = spread(samples.map(({ residentMB }) => residentMB));
  const [minimum, median, maximum] = ["minimum", "median", "maximum"].map((name) =>
    Number(found[name].toFixed(2)),
  );
  return { minimum, median, maximum, spread: Number(((maximum - minimum) / median).toFixed(4)) };
}
