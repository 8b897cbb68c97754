// A long run: what it holds of the system at the end is what it held soon after its start.
import { join } from "node:path";
import { runChild } from "./lib/child.mjs";
import { writeImages } from "./lib/images.mjs";
import { soakRun } from "./lib/runs.mjs";
import { soakFindings } from "./lib/soak-findings.mjs";

export const name = "soak";

const long = { steps: 20_000, warmup: 2000, every: 500, evaluateEvery: 1000, sampleEvery: 100 };
const few = { steps: 500, warmup: 200, every: 100, evaluateEvery: 250, sampleEvery: 50 };
/**
 * Environments, and what the resident memory after checkpoints may differ by. glibc gives most threads an arena of their
 * own, in whose pages a few small pieces live on between many that are free: that comes and goes. With one arena a leak
 * cannot hide in that.
 */
const environments = {
  oneArena: { env: { MALLOC_ARENA_MAX: "1" }, flat: 0.03 },
  usual: { env: { MALLOC_ARENA_MAX: undefined }, flat: 0.06 },
};
/** A short run's memory does not settle: only a gross leak shows there. */
const FLAT_FEW = 0.25;
/** Seconds after which the run counts as hanging. */
const WATCHDOG = { long: 900, few: 120 };

/**
 * @param {{ scratch: string, engine: import("@sitjs/engine").EngineName, log: (line: string) => void, short?: boolean }}
 *   options
 */
export async function run({ scratch, engine, log, short = false }) {
  if (process.platform !== "linux") throw new Error("soak: expected Linux, whose /proc it reads");
  const settings = short ? few : long;
  const images = join(scratch, "images");
  const data = await writeImages(images, 128, { classes: true });
  const names = short ? ["oneArena"] : Object.keys(environments);
  const timeout = short ? WATCHDOG.few : WATCHDOG.long;
  // Side by side: what is looked at is not their speed.
  const ended = await Promise.all(
    names.map(async (name) => {
      const { env, flat } = environments[name];
      const { script, args } = soakRun({ images, out: join(scratch, name), engine, ...settings });
      const say = (line) => log(`${name}, ${line}`);
      const soaked = await soak(script, args, { timeout, env, log: say });
      const { findings, failures } = soakFindings(soaked.samples, soaked.ended, {
        ...settings,
        flat: short ? FLAT_FEW : flat,
      });
      const all = [...failures, ...soaked.failures].map((failure) => `${name}: ${failure}`);
      return { name, found: { env, flat, ...findings, samples: soaked.samples }, failures: all };
    }),
  );
  const runs = Object.fromEntries(ended.map(({ name, found }) => [name, found]));
  const lines = ended.flatMap(({ name, found: { saved, resident, tensors, handles } }) => [
    `${name}: after checkpoints ${saved.median} MB, from ${saved.minimum} to ${saved.maximum} (${(100 * saved.spread).toFixed(1)} %); at every look from ${resident.minimum} to ${resident.maximum} MB`,
    `${name}: ${tensors} tensors at every step, ${handles} open files at every look`,
  ]);
  return { results: { data, settings, runs }, failures: ended.flatMap(({ failures }) => failures), lines };
}

/** One run, and what it says. */
async function soak(script, args, { timeout, env, log }) {
  /** @type {import("./runs/soak-run.mjs").Sample[]} */
  const samples = [];
  let ended;
  const onLine = (line) => {
    const { sample, ...message } = JSON.parse(line);
    if (sample === undefined) ended = message.ended;
    else samples.push(sample);
    if (sample?.step % 2000 === 0) log(`step ${sample.step}: ${sample.residentMB} MB`);
  };
  const end = await runChild(script, args, { timeout, env, nodeArgs: ["--expose-gc"], onLine });
  if (end.timedOut) throw new Error(`the run did not end within ${timeout} s`);
  if (end.code !== 0 || ended === undefined) throw new Error(`the run failed: ${end.stderr.trim()}`);
  const failures = end.orphans.length > 0 ? [`left ${end.orphans.length} processes behind`] : [];
  return { samples, ended, failures };
}
