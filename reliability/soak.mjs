// A long run: what it holds of the system at the end is what it held soon after its start.
import { join } from "node:path";
import { runChild } from "./lib/child.mjs";
import { writeImages } from "./lib/images.mjs";
import { soakRun } from "./lib/runs.mjs";
import { soakFindings } from "./lib/soak-findings.mjs";

export const name = "soak";

const long = { steps: 20_000, warmup: 2000, every: 500, evaluateEvery: 1000, sampleEvery: 100, flat: 0.03 };
/** Too short for the memory to settle: only a gross leak shows there. */
const few = { steps: 500, warmup: 200, every: 100, evaluateEvery: 250, sampleEvery: 50, flat: 0.25 };
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
  const { script, args } = soakRun({ images, out: join(scratch, "out"), engine, ...settings });
  /** @type {import("./runs/soak-run.mjs").Sample[]} */
  const samples = [];
  let ended;
  const onLine = (line) => {
    const { sample, ...message } = JSON.parse(line);
    if (sample === undefined) ended = message.ended;
    else samples.push(sample);
    if (sample?.step % 2000 === 0) log(`step ${sample.step}: ${sample.residentMB} MB`);
  };
  const timeout = short ? WATCHDOG.few : WATCHDOG.long;
  const end = await runChild(script, args, { timeout, nodeArgs: ["--expose-gc"], onLine });
  if (end.timedOut) throw new Error(`the run did not end within ${timeout} s`);
  if (end.code !== 0 || ended === undefined) throw new Error(`the run failed: ${end.stderr.trim()}`);
  const { findings, failures } = soakFindings(samples, ended, settings);
  if (end.orphans.length > 0) failures.push(`left ${end.orphans.length} processes behind`);
  const { saved, resident, tensors, handles } = findings;
  const lines = [
    `after checkpoints ${saved.median} MB, from ${saved.minimum} to ${saved.maximum} (${(100 * saved.spread).toFixed(1)} %)`,
    `at every look from ${resident.minimum} to ${resident.maximum} MB`,
    `${tensors} tensors at every step, ${handles} open files at every look; ${findings.stepMs} ms a step`,
  ];
  return { results: { data, settings, ...findings, samples }, failures, lines };
}
