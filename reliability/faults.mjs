// Faults that a run meets: a full disk, damaged checkpoints, lost images and threads. Each ends with one clear message and
// the last checkpoint intact, or the run goes on to the same end; none hangs, none leaves a process or half a file.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "../scripts/lib/steps.mjs";
import { commandFaults } from "./faults/commands.mjs";
import { damageFaults } from "./faults/damage.mjs";
import { diskFaults } from "./faults/disk.mjs";
import { loaderFaults } from "./faults/loader.mjs";
import { longCommandFaults } from "./faults/long-commands.mjs";
import { processFaults } from "./faults/process.mjs";
import { signalFaults } from "./faults/signals.mjs";
import { stoppedCommandFaults } from "./faults/stopped-commands.mjs";
import { digestSaid, runSmall } from "./lib/expect-run.mjs";
import { writeImages } from "./lib/images.mjs";

export const name = "faults";

/** In short, one of so many. */
const SHORT = 8;

/**
 * @typedef {object} Fault
 * @property {string} name
 * @property {(setup: import("./lib/expect-run.mjs").Setup) => Promise<{ said: string } | { skipped: string }>} run throws
 *   where something does not hold; `said` is the run's one message, or what it did instead
 */

/** @type {readonly Fault[]} */
export const faults = [
  ...diskFaults,
  ...damageFaults,
  ...processFaults,
  ...loaderFaults,
  ...signalFaults,
  ...commandFaults,
  ...stoppedCommandFaults,
  ...longCommandFaults,
];

/** Shown in results and tests: a run's folders differ from time to time, and from machine to machine. */
const withoutFolders = (text, ...folders) =>
  folders.reduce((left, folder) => left.replaceAll(`${folder}/`, ""), text);

/**
 * @param {{ scratch: string, engine: import("@sitjs/engine").EngineName, log: (line: string) => void, short?: boolean }}
 *   options `short`: some
 */
export async function run({ scratch, engine, log, short = false }) {
  const chosen = short ? faults.filter((_, i) => i % SHORT === 0) : faults;
  const setup = await prepare({ scratch, engine });
  const rows = [];
  const failures = [];
  for (const fault of chosen) {
    const row = await meet(fault, setup);
    rows.push(row);
    if (row.outcome === "failed") failures.push(`${fault.name}: ${row.said}`);
    log(`${row.outcome.padEnd(7)} ${fault.name}`);
  }
  const count = (outcome) => rows.filter((row) => row.outcome === outcome).length;
  const counts = {
    faults: rows.length,
    held: count("held"),
    skipped: count("skipped"),
    failed: count("failed"),
  };
  const lines = [`${counts.held} of ${counts.faults} faults held, ${counts.skipped} skipped`];
  return { results: { ...counts, rows }, failures, lines };
}

/**
 * Images, and the digest of a run that meets no fault.
 *
 * @param {{ scratch: string, engine: import("@sitjs/engine").EngineName }} options
 * @returns {Promise<import("./lib/expect-run.mjs").Setup>}
 */
export async function prepare({ scratch, engine }) {
  const images = join(scratch, "images");
  await writeImages(images, 64);
  const steps = 24;
  const digest = digestSaid(await runSmall({ images, steps, engine }));
  return { scratch, images, steps, engine, digest };
}

/**
 * @param {Fault} fault
 * @param {import("./lib/expect-run.mjs").Setup} setup
 */
export async function meet(fault, setup) {
  const begin = performance.now();
  const scratch = join(setup.scratch, fault.name.replaceAll(/\W+/g, "-"));
  mkdirSync(scratch, { recursive: true });
  const row = (outcome, said) => ({
    name: fault.name,
    outcome,
    said: withoutFolders(said, scratch, setup.scratch, root),
    seconds: Number(((performance.now() - begin) / 1000).toFixed(1)),
  });
  try {
    const found = await fault.run({ ...setup, scratch });
    rmSync(scratch, { recursive: true, force: true });
    return "skipped" in found ? row("skipped", found.skipped) : row("held", found.said);
  } catch (error) {
    return row("failed", error instanceof Error ? error.message : String(error));
  }
}
