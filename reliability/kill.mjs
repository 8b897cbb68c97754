// A run killed again and again by SIGKILL, at random moments and in the middle of writing, and gone on with each time: it
// has to end with the same bits as a run that nobody disturbs, and at every moment what has been saved has to be there.
import { deepStrictEqual } from "node:assert";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { randomStream } from "@sitjs/core/random";
import { disposeState } from "@sitjs/train";
import { listCheckpoints, loadCheckpoint } from "@sitjs/train/node";
import { canSeeOrphans, startChild } from "./lib/child.mjs";
import { writeImages } from "./lib/images.mjs";
import { variants } from "./lib/kill-variants.mjs";
import { isLeftover, watchCheckpoints } from "./lib/watch-checkpoints.mjs";

export const name = "kill";

/** Seconds after which a life of a run counts as hanging. */
const WATCHDOG = 120;
/** Workers of the lives of a run, drawn: most often as the undisturbed run has. */
const WORKERS = [2, 2, 0, 1, 3];
/** Of writes and saved checkpoints: in which share of the run's steps, at most, counted from the start of the life. */
const LATEST = 0.25;
/** Milliseconds after which a run has, most often, taken the older checkpoint away. */
const TIDYING = 3;

/**
 * @param {{ scratch: string, engine: import("@sitjs/engine").EngineName, seed: number, log: (line: string) => void,
 *   short?: boolean }} options
 */
export async function run({ short = false, ...options }) {
  const folders = { plain: join(options.scratch, "images"), labelled: join(options.scratch, "labelled") };
  const data = await writeImages(folders.plain, 64);
  await writeImages(folders.labelled, 64, { classes: true });
  const found = [];
  const failures = [];
  for (const { name, same, ...variant } of variants) {
    const { kills, steps } = short ? variant.short : variant;
    const scratch = join(options.scratch, name.replaceAll(" ", "-"));
    const images = variant.labelled ? folders.labelled : folders.plain;
    mkdirSync(scratch, { recursive: true });
    const { log } = options;
    log(name);
    await variant.prepare?.({ ...options, scratch, images });
    const ended = await killing({ ...options, ...variant, scratch, images, kills, steps });
    found.push({ variant: name, ...(same && { same }), ...ended.results });
    failures.push(...ended.failures.map((failure) => `${name}, ${failure}`));
  }
  return { results: { data, variants: found }, failures, lines: found.flatMap(linesOf) };
}

/**
 * Runs one after the other, each killed again and again, until there were as many kills as wanted and the last run has come
 * to its end.
 */
async function killing(setup) {
  const { scratch, seed, log, kills: wanted, steps } = setup;
  const undisturbed = await reference(setup);
  log(
    `undisturbed: ${undisturbed.seconds.toFixed(1)} s, a write ${undisturbed.writeMs?.toFixed(0) ?? "?"} ms`,
  );
  const rng = randomStream(seed, "kill");
  const lives = [];
  const failures = [];
  let runs = 0;
  const killed = () => lives.filter((life) => life.killed).length;
  while (killed() < wanted && failures.length === 0) {
    const out = join(scratch, `run-${runs}`);
    for (let life = 0; ; life++) {
      const drawn = { rng: rng.fork(runs, life), kill: killed() < wanted };
      const found = await live({ ...setup, ...drawn, out, undisturbed });
      lives.push(found);
      failures.push(...found.failures.map((failure) => `run ${runs}, life ${life}: ${failure}`));
      if (found.killed && killed() % 10 === 0) log(`${killed()} kills, ${runs} runs ended`);
      if (!found.killed || found.failures.length > 0) break;
    }
    if (failures.length > 0) break;
    failures.push(...(await wrongOf(out, setup, undisturbed)).map((failure) => `run ${runs}: ${failure}`));
    if (failures.length > 0) break;
    runs++;
    await rm(out, { recursive: true, force: true });
  }
  return { results: summary({ lives, runs, undisturbed, steps }), failures };
}

/** The undisturbed run: its digest and how long it and its writes take. */
async function reference({ images, scratch, steps, command, engine, digest: digestOf, record }) {
  const out = join(scratch, "undisturbed");
  const times = [];
  let begun = 0;
  const watcher = watchCheckpoints(out, {
    onWrite: () => {
      begun = performance.now();
    },
    onSaved: () => times.push(performance.now() - begun),
  });
  const { script, args } = command({ images, out, steps, workers: 2, engine, scratch });
  const end = await startChild(script, args, { timeout: WATCHDOG }).ended;
  watcher.close();
  if (end.code !== 0 || end.timedOut) throw new Error(`the undisturbed run failed: ${end.stderr}`);
  const digest = await digestOf(out);
  const said = saidDigest(end.stdout);
  if (said !== undefined && said !== digest) {
    throw new Error(`the last checkpoint's digest is ${digest}, that of the state in memory ${said}`);
  }
  const writeMs = times.sort((a, b) => a - b)[times.length >> 1];
  return { digest, record: record?.(out), seconds: end.seconds, writeMs };
}

/** From a start to a kill, or to the end of the run where the kill would come later. */
async function live({
  images,
  scratch,
  out,
  steps,
  command,
  moments,
  engine,
  rng,
  kill,
  undisturbed,
  ...of
}) {
  const workers = WORKERS[rng.integer(0, WORKERS.length)];
  const moment = kill ? moments[rng.integer(0, moments.length)] : undefined;
  const before = new Set(listed(out));
  const stepBefore = (await listCheckpoints(out))[0]?.step ?? 0;
  const { script, args } = command({ images, out, steps, workers, engine, scratch });

  const nth = rng.integer(1, Math.ceil(LATEST * steps) + 1);
  const delay = rng.uniform() * (moment === "write" ? 1.2 * (undisturbed.writeMs ?? 10) : TIDYING);
  let [writes, saved, step] = [0, 0, 0];
  const after = (count, kind) => {
    if (moment !== kind || count !== nth) return;
    if (delay < 1) child.kill("SIGKILL");
    else setTimeout(() => child.kill("SIGKILL"), delay);
  };
  const watcher = watchCheckpoints(out, {
    onWrite: () => after(++writes, "write"),
    onSaved: (at) => {
      step = at;
      after(++saved, "saved");
    },
  });
  const child = startChild(script, args, { timeout: WATCHDOG });
  const milliseconds = 1000 * rng.uniform() * undisturbed.seconds;
  const clock = moment === "any" ? setTimeout(() => child.kill("SIGKILL"), milliseconds) : undefined;
  const end = await child.ended;
  clearTimeout(clock);
  watcher.close();

  const killed = end.signal === "SIGKILL" && !end.timedOut;
  const failures = [];
  if (end.timedOut) failures.push(`did not end within ${WATCHDOG} s: the watchdog ended it`);
  else if (!killed && end.code !== 0) failures.push(`ended with exit code ${end.code}: ${end.stderr.trim()}`);
  if (end.stderr !== "") failures.push(`said on the standard error stream: ${end.stderr.trim()}`);
  if (end.orphans.length > 0) failures.push(`left ${end.orphans.length} processes behind`);
  failures.push(...(await unreadable(out, Math.max(step, stepBefore))));
  const left = listed(out).filter((entry) => isLeftover(entry) && !before.has(entry));
  const where = killed ? (of.where?.(out) ?? whereKilled(out, left, writes > 0)) : undefined;
  return { workers, moment, killed, where, step, failures };
}

/** Every checkpoint can be read, and the latest that was seen in its place is among them. */
async function unreadable(out, step) {
  const failures = [];
  const found = await listCheckpoints(out);
  for (const { path } of found) {
    try {
      disposeState((await loadCheckpoint(path)).state);
    } catch (error) {
      failures.push(`a checkpoint cannot be read: ${error.message}`);
    }
  }
  if (step > (found[0]?.step ?? 0)) failures.push(`the checkpoint of step ${step} was saved and is gone`);
  return failures;
}

/** What a run was doing when it was killed, by what it has left. */
function whereKilled(out, left, begun) {
  const partial = left.find((name) => name.endsWith(".partial"));
  if (partial !== undefined) {
    const files = readdirSync(join(out, "checkpoints", partial));
    if (files.includes("checkpoint.json")) return "written, not yet in its place";
    return files.includes("checkpoint.safetensors") ? "writing the description" : "writing the tensors";
  }
  if (left.length > 0) return "taking an old checkpoint away";
  return begun ? "between two checkpoints" : "before its first checkpoint";
}

/** What is wrong with a run that has come to its end. */
async function wrongOf(out, { digest: digestOf, record }, undisturbed) {
  const failures = [];
  const found = await digestOf(out);
  if (found !== undisturbed.digest)
    failures.push(`expected the digest ${undisturbed.digest} of the undisturbed run, got ${found}`);
  try {
    if (record) deepStrictEqual(record(out), undisturbed.record);
  } catch (error) {
    failures.push(`what it has written is not the undisturbed run's: ${error.message}`);
  }
  const rest = listed(out).filter(isLeftover);
  if (rest.length > 0) failures.push(`left ${rest.join(", ")}`);
  return failures;
}

/** What a program says of its state at the end; undefined where it says nothing. */
function saidDigest(stdout) {
  return /"digest":"([0-9a-f]{64})"/.exec(stdout)?.[1];
}

function listed(out) {
  const folder = join(out, "checkpoints");
  return existsSync(folder) ? readdirSync(folder) : [];
}

function summary({ lives, runs, undisturbed, steps }) {
  const kills = lives.filter(({ killed }) => killed);
  const count = (of, all = kills) => Object.fromEntries(tally(all.map(of)));
  return {
    steps,
    kills: kills.length,
    runs,
    digest: undisturbed.digest,
    writeMs: undisturbed.writeMs === undefined ? undefined : Number(undisturbed.writeMs.toFixed(1)),
    moments: count(({ moment }) => moment),
    where: count(({ where }) => where),
    workers: count(({ workers }) => workers, lives),
    orphansLookedFor: canSeeOrphans,
  };
}

function tally(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a);
}

function linesOf({ variant, kills, runs, where }) {
  return [
    `${variant}: ${kills} kills; ${runs} runs came to their end with the undisturbed run's digest`,
    ...Object.entries(where).map(([what, count]) => `  ${String(count).padStart(3)} ${what}`),
  ];
}
