// Time and memory of one step of each method, at the same encoder and batch, all in turn. By itself:
//   node benchmarks/methods.mjs [--quick]
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { runAsProgram } from "./lib/main.mjs";
import { methodLines, methodRows } from "./lib/method-rows.mjs";
import { startFor } from "./lib/sides.mjs";
import { methods } from "./sides/methods.mjs";
import { scenes } from "./workloads.mjs";

export const name = "methods";

const SEED = 0;
/** @type {import("./workloads.mjs").Precision} */
const precision = "float32";
/** Between two steps, ms. */
const PAUSE = 50;

/**
 * Every method has a process of its own, since a peak of memory cannot be taken back.
 *
 * @param {{ log: (line: string) => void, quick?: boolean, rounds?: number }} options
 * @returns {Promise<{ results: { settings: object, rows: import("./lib/method-rows.mjs").MethodRow[] }, lines: string[] }>}
 */
export async function run({ log, quick = false, rounds = 7 }) {
  const warmup = quick ? 1 : 2;
  const rows = [];
  for (const [scene, of] of Object.entries(scenes)) {
    log(`  ${scene}: ${of.label}`);
    const entrants = [];
    try {
      for (const method of Object.keys(methods)) entrants.push(await enter(method, of, warmup));
      for (let round = 1; round <= rounds; round++) {
        for (const entrant of entrants) await oneStep(entrant);
        const said = entrants.map(({ method, times }) => `${method} ${times.at(-1).toFixed(0)}`);
        log(`    round ${round} of ${rounds}, ms: ${said.join("; ")}`);
      }
      for (const entrant of entrants) entrant.peakMB = (await entrant.side.ask({ do: "memory" })).peakMB;
      rows.push(...methodRows(scene, entrants));
    } finally {
      await Promise.all(entrants.map(({ side }) => side.stop()));
    }
  }
  const settings = { precision, warmup, rounds, seed: SEED, scenes };
  return { results: { settings, rows }, lines: methodLines(rows) };
}

/** A method's process, warm. */
async function enter(method, scene, warmup) {
  const { side } = await startFor({ name: method, by: "ours" }, "");
  try {
    const workload = { ...scene, kind: "method", method };
    const { residentMB, views } = await side.ask({ do: "start", workload, precision, seed: SEED });
    await side.ask({ do: "run", steps: warmup });
    return { method, side, views, startMB: residentMB, peakMB: 0, times: [], cpu: [] };
  } catch (error) {
    await side.stop();
    throw error;
  }
}

async function oneStep({ side, times, cpu }) {
  await setTimeout(PAUSE);
  const reply = await side.ask({ do: "run", steps: 1 });
  times.push(...reply.times);
  cpu.push(...reply.cpu);
}

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
  const log = (line) => console.error(line);
  const { lines } = await run({ log, quick: values.quick, rounds: values.quick ? 2 : 7 });
  console.log(lines.join("\n"));
});
