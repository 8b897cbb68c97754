// Both sides compute the same: given the same parameters, views and corruption, their losses agree, before and after
// updates.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { settings, startFor } from "./lib/sides.mjs";
import { workloads } from "./workloads.mjs";

export const name = "check";

/** Small batches: the networks are those of the workloads, and the check stays quick. */
const cases = [
  { workload: "A", batch: 4, values: 4 },
  { workload: "C", batch: 4, values: 4 },
  { workload: "E", batch: 1, values: 1 },
];

/** Largest relative difference of a value; bfloat16 has 8 significant bits, and both sides round at other places. */
const tolerances = { float32: 1e-4, bfloat16: 2e-2 };

/**
 * Smallest relative difference, over all values, of a side's bfloat16 from its own float32: rounding to 8 bits shows
 * (about 1e-3 in the contrastive loss), so a side below this has not computed what it says.
 */
const LEAST_ROUNDING = 1e-5;

/**
 * @param {{ python: string, log: (line: string) => void, precisions: readonly string[] }} options
 * @returns {Promise<{ results: object[], lines: string[] }>}
 * @throws {Error} where the sides differ by more than the tolerance, or a side's bfloat16 is float32
 */
export async function run({ python, log, precisions }) {
  const folder = mkdtempSync(join(tmpdir(), "sitjs-bench-"));
  const results = [];
  try {
    // Float32 always: bfloat16 is compared with it.
    for (const precision of precisions.includes("bfloat16") ? ["float32", "bfloat16"] : ["float32"]) {
      for (const { workload, batch, values } of cases) {
        const message = { workload: { ...workloads[workload], batch }, precision, seed: 0 };
        const file = join(folder, `${workload}.safetensors`);
        const [ours, torch] = settings.filter((each) => each.precision === precision);
        // One after the other: ours writes the file that PyTorch's side reads.
        const own = await firstValues(ours, python, message, values, { do: "give", file });
        const peer = await firstValues(torch, python, { ...message, given: file }, values);
        const difference = largestDifference(own, peer);
        results.push({ workload, precision, batch, ours: own, peer, difference });
        const shown = own.map((value) => value.toFixed(5)).join(", ");
        log(`  ${workload} ${precision}: ${shown}; relative difference ${difference.toExponential(1)}`);
        // Written so that NaN fails.
        if (!(difference <= tolerances[precision])) {
          throw new Error(
            `check of ${workload}, ${precision}: expected the same values within ${tolerances[precision]}, ` +
              `got ${own.join(", ")} here and ${peer.join(", ")} in PyTorch`,
          );
        }
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (precisions.includes("bfloat16")) {
    requireRounding("sitjs", (result) => result.ours, results);
    requireRounding("PyTorch", (result) => result.peer, results);
  }
  const worst = (precision) =>
    Math.max(...results.filter((each) => each.precision === precision).map(({ difference }) => difference));
  const said = precisions.map((precision) => `${worst(precision).toExponential(1)} in ${precision}`);
  return { results, lines: [`Both sides compute the same; largest relative difference ${said.join(", ")}.`] };
}

/** The values of a setting's first steps. */
async function firstValues(setting, python, message, steps, before) {
  const { side } = await startFor(setting, python);
  try {
    await side.ask({ do: "start", ...message });
    if (before) await side.ask(before);
    return (await side.ask({ do: "run", steps })).values;
  } finally {
    await side.stop();
  }
}

function requireRounding(side, values, results) {
  const of = (precision) => results.filter((each) => each.precision === precision).flatMap(values);
  const rounding = largestDifference(of("bfloat16"), of("float32"));
  if (rounding >= LEAST_ROUNDING) return;
  throw new Error(
    `check of bfloat16, ${side}: expected values that differ from float32's by at least ${LEAST_ROUNDING}, ` +
      `got ${rounding.toExponential(1)}: it computes in float32`,
  );
}

function largestDifference(values, reference) {
  return Math.max(...values.map((value, i) => Math.abs(value - reference[i]) / Math.abs(reference[i])));
}
