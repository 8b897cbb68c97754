// Both sides compute the same: the same parameters, views and corruption give the same losses, before and after updates.
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

/** Largest relative difference of a loss; bfloat16 has 8 significant bits, and both sides round at other places. */
const tolerances = { float32: 1e-4, bfloat16: 2e-2 };

/**
 * @param {{ python: string, log: (line: string) => void, precisions: readonly string[] }} options
 * @returns {Promise<{ results: object[], lines: string[] }>}
 * @throws {Error} where a value differs by more than the tolerance
 */
export async function run({ python, log, precisions }) {
  const folder = mkdtempSync(join(tmpdir(), "sitjs-bench-"));
  const results = [];
  try {
    for (const precision of precisions) {
      for (const { workload, batch, values } of cases) {
        const file = join(folder, `${workload}.safetensors`);
        const [ours, torch] = settings.filter((each) => each.precision === precision);
        const message = { workload: { ...workloads[workload], batch }, precision, seed: 0 };
        const [own, peer] = await losses({ ours, torch, python, message, file, values });
        const difference = Math.max(...own.map((value, i) => Math.abs(value - peer[i]) / Math.abs(peer[i])));
        results.push({ workload, precision, batch, ours: own, peer, difference });
        log(
          `  ${workload} ${precision}: ${own.map((value) => value.toFixed(5)).join(", ")}; relative difference ${difference.toExponential(1)}`,
        );
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
  const worst = Math.max(...results.map(({ difference }) => difference));
  return {
    results,
    lines: [`Both sides compute the same: largest relative difference ${worst.toExponential(1)}`],
  };
}

/** The values of the first steps on both sides, one after the other. */
async function losses({ ours, torch, python, message, file, values }) {
  const lists = [];
  for (const [setting, given] of [
    [ours, undefined],
    [torch, file],
  ]) {
    const { side } = await startFor(setting, python);
    try {
      await side.ask({ do: "start", ...message, ...(given && { given }) });
      if (given === undefined) await side.ask({ do: "give", file });
      lists.push((await side.ask({ do: "run", steps: values })).values);
    } finally {
      await side.stop();
    }
  }
  return lists;
}
