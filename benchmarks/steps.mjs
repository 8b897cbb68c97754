// The steps of the workloads, ours and PyTorch's in turn.
import { totalmem } from "node:os";
import { setTimeout } from "node:timers/promises";
import { isClearlySlower, makeRow } from "./lib/rows.mjs";
import { settings, startFor, threads } from "./lib/sides.mjs";
import { stepLines } from "./lib/table.mjs";
import { precisions as allPrecisions, workloads } from "./workloads.mjs";

export const name = "steps";

const SEED = 0;
/** Rounds after which a setting of PyTorch's that is slower in each of them than another one in any is left out. */
const TRIAL_ROUNDS = 3;
/** Between two sides' steps, ms. */
const PAUSE = 50;
/** [rows, inner, columns] of linear layers in A to D, and a larger one: where either side finds its fastest product. */
const productSizes = [
  [4160, 192, 768],
  [4096, 512, 512],
  [1576, 384, 1536],
  [1568, 2048, 2048],
];

/**
 * @param {{ python: string, log: (line: string) => void, quick?: boolean, workloads?: readonly string[],
 *   precisions?: readonly string[], rounds?: number }} options
 * @returns {Promise<{ results: { settings: object, rows: import("./lib/rows.mjs").Row[] }, lines: string[] }>}
 */
export async function run(options) {
  const { python, log, quick = false, rounds = 7 } = options;
  const { workloads: names = Object.keys(workloads), precisions = allPrecisions } = options;
  const warmup = quick ? 1 : 2;
  const rows = [];
  for (const workload of names) {
    log(`  ${workload}: ${workloads[workload].label}`);
    const entrants = [];
    try {
      // One after the other, so that each has the machine for itself while it starts and compiles.
      for (const setting of settings.filter(({ precision }) => precisions.includes(precision))) {
        entrants.push(await enter(setting, workload, { python, log, warmup }));
      }
      await warnOfMemory(entrants, log);
      await compete(entrants, rounds, log);
      for (const entrant of entrants) await recordMemory(entrant);
      for (const precision of precisions) {
        const own = entrants.filter(({ setting }) => setting.precision === precision);
        rows.push(makeRow(workload, precision, own, await fastestProduct(own, precision)));
      }
    } finally {
      await Promise.all(entrants.map(({ side }) => side?.stop()));
    }
  }
  const used = { threads, warmup, seed: SEED, dropPath: 0, productSizes, workloads };
  return { results: { settings: used, rows }, lines: stepLines(rows) };
}

/**
 * A setting that takes part: what was measured of it so far, and its process while it runs.
 *
 * @typedef {import("./lib/rows.mjs").Measured & { side?: import("./lib/side.mjs").Side }} Entrant
 */

/**
 * Starts and warms up one setting. Where one of PyTorch's cannot compute (torch.compile without a C++ compiler, say),
 * that is recorded; ours has to.
 *
 * @returns {Promise<Entrant>}
 */
async function enter(setting, workload, { python, log, warmup }) {
  const { precision, compiled } = setting;
  /** @type {Entrant} */
  const entrant = { setting, times: [], cpu: [] };
  const begin = performance.now();
  try {
    const { side } = await startFor(setting, python);
    entrant.side = side;
    const message = { workload: workloads[workload], precision, seed: SEED, ...(compiled && { compiled }) };
    const { residentMB } = await side.ask({ do: "start", ...message });
    entrant.startMB = residentMB;
    await side.ask({ do: "run", steps: warmup });
    log(`    ${setting.name}: warm after ${((performance.now() - begin) / 1e3).toFixed(0)} s`);
  } catch (error) {
    await entrant.side?.stop();
    if (setting.by === "ours") throw error;
    entrant.side = undefined;
    entrant.error = error instanceof Error ? error.message : String(error);
    log(`    ${setting.name}: not possible: ${entrant.error.split("\n")[0]}`);
  }
  return entrant;
}

/** All settings of a workload lie in memory together; where that is most of the machine's, says what to do. */
async function warnOfMemory(entrants, log) {
  let resident = 0;
  for (const { side } of entrants) resident += side ? (await side.ask({ do: "memory" })).residentMB : 0;
  if (resident < 0.8 * (totalmem() / 2 ** 20)) return;
  log(
    `    ${(resident / 1024).toFixed(1)} GB are in use, most of this machine's memory: times may be of swapping. ` +
      "Run --precisions float32, then --precisions bfloat16.",
  );
}

/** One step of each in turn, as many times as there are rounds. */
async function compete(entrants, rounds, log) {
  for (let round = 1; round <= rounds; round++) {
    const active = entrants.filter(({ side }) => side !== undefined);
    for (const { side, times, cpu } of active) {
      // PyTorch's threads wait actively for some milliseconds after a step (seen in /proc): not in the next one's time.
      await setTimeout(PAUSE);
      const reply = await side.ask({ do: "run", steps: 1 });
      times.push(...reply.times);
      cpu.push(...reply.cpu);
    }
    const said = active.map(({ setting, times }) => `${setting.name} ${times.at(-1).toFixed(0)}`);
    log(`    round ${round} of ${rounds}, ms: ${said.join("; ")}`);
    if (round === TRIAL_ROUNDS && rounds > TRIAL_ROUNDS) await dropSlow(active);
  }
}

/** Ends what can no longer be a row's peer: a setting of PyTorch's clearly slower than another of its precision. */
async function dropSlow(active) {
  const peers = active.filter(({ setting }) => setting.by === "torch");
  for (const entrant of peers) {
    const { precision, compiled } = entrant.setting;
    // Eager float32 is always a peer.
    if (precision === "float32" && !compiled) continue;
    const rivals = peers.filter((each) => each !== entrant && each.setting.precision === precision);
    const slower = rivals.some(({ times }) => isClearlySlower(entrant.times, times));
    if (!slower) continue;
    entrant.note = `clearly slower: left out after ${TRIAL_ROUNDS} rounds`;
    await recordMemory(entrant);
    await entrant.side.stop();
    entrant.side = undefined;
  }
}

async function recordMemory(entrant) {
  if (entrant.side === undefined) return;
  entrant.peakMB = (await entrant.side.ask({ do: "memory" })).peakMB;
}

/** GFLOP/s of the fastest product of both sides, asked in turn. */
async function fastestProduct(entrants, precision) {
  let best = 0;
  for (const { side, setting } of entrants) {
    if (side === undefined || setting.compiled) continue;
    const { gflops } = await side.ask({ do: "products", precision, sizes: productSizes });
    best = Math.max(best, gflops);
  }
  return best;
}
