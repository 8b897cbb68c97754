// What is looked at after a run has met a fault. Each throws an Error that says what it found instead.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { disposeState } from "@sitjs/train";
import { loadCheckpoint } from "@sitjs/train/node";
import { startChild } from "./child.mjs";
import { digestOf } from "./digest.mjs";
import { smallRun } from "./runs.mjs";
import { isLeftover } from "./watch-checkpoints.mjs";

/** Seconds after which a run counts as hanging. */
const WATCHDOG = 60;

/**
 * @typedef {object} Setup What every case has.
 * @property {string} scratch a folder of its own
 * @property {string} images
 * @property {number} steps
 * @property {string} digest of the undisturbed run
 * @property {import("@sitjs/engine").EngineName} engine
 */

/**
 * A small run to its end.
 *
 * @param {Partial<import("../runs/small-run.mjs").SmallRun> & { images: string }} options
 * @param {Partial<Parameters<typeof startChild>[2]> & { atStep?: (step: number, kill: () => void) => void }} [how]
 *   `atStep` is told each step done, from 1
 */
export async function runSmall(options, { atStep, ...how } = {}) {
  const { script, args } = smallRun(options);
  const onLine = (line) => {
    const step = /^\{"step":(\d+)/.exec(line)?.[1];
    if (step !== undefined) atStep?.(Number(step) + 1, () => child.kill("SIGKILL"));
  };
  const child = startChild(script, args, { timeout: WATCHDOG, ...how, onLine });
  const end = await child.ended;
  expect(!end.timedOut, `an end within ${WATCHDOG} s`, "none: the watchdog ended it");
  expect(end.orphans.length === 0, "no process left behind", `${end.orphans.length}`);
  return end;
}

/** The run has ended by itself with exit code 1 and said one thing only; returns that. */
export function oneMessage(end, pattern) {
  const said = end.stderr.trim();
  expect(end.code === 1, "exit code 1", `${end.signal ?? end.code}: ${said}`);
  expect(said.split("\n").length === 1 && pattern.test(said), `one message like ${pattern}`, said);
  return said;
}

/** The run has come to its end with the undisturbed run's digest, and said nothing beside `pattern`; returns that. */
export function wentOn(end, { digest }, pattern = /^$/) {
  const found = digestSaid(end, pattern);
  expect(found === digest, `the digest ${digest}`, found);
  return end.stderr.trim();
}

/**
 * The digest of a run that has come to its end.
 *
 * @param {import("./child.mjs").Ended} end
 * @returns {string}
 */
export function digestSaid({ code, signal, stdout, stderr }, pattern = /^$/) {
  const said = stderr.trim();
  expect(code === 0, "exit code 0", `${signal ?? code}: ${said}`);
  expect(pattern.test(said), `${pattern} on the standard error stream`, said);
  const digest = /"digest":"([0-9a-f]{64})"/.exec(stdout)?.[1];
  expect(digest !== undefined, "a digest", stdout.trim().split("\n").at(-1) ?? "");
  return digest ?? "";
}

/** The latest checkpoint can be read, is of this step or a later one, and nothing half written lies beside it. */
export async function intact(out, step) {
  const found = await readable(out, step);
  const rest = readdirSync(join(out, "checkpoints")).filter(isLeftover);
  expect(rest.length === 0, "nothing half written", rest.join(", "));
  return found;
}

/** The latest checkpoint can be read, and is of this step or a later one; returns its step. */
export async function readable(out, step) {
  const { state } = await loadCheckpoint(out);
  disposeState(state);
  expect(state.step >= step, `a checkpoint of step ${step} or later`, `${state.step}`);
  return state.step;
}

/** The digest of the latest checkpoint. */
export async function savedDigest(out) {
  const { state } = await loadCheckpoint(out);
  const digest = digestOf(state);
  disposeState(state);
  return digest;
}

/**
 * The run goes on from what is there, to the same end as an undisturbed one.
 *
 * @param {string} out
 * @param {Setup} setup
 * @param {Pick<import("../runs/small-run.mjs").SmallRun, "breaking" | "trouble">} [same] parts of the user's own that the run
 *   began with, mended: without them it would be another run
 */
export async function canGoOn(out, { images, steps, digest, engine }, same = {}) {
  wentOn(await runSmall({ images, out, steps, engine, ...same }), { digest });
  await intact(out, steps);
}

/** @param {string} expected @param {string} got */
export function expect(condition, expected, got) {
  if (!condition) throw new Error(`expected ${expected}, got ${got}`);
}
