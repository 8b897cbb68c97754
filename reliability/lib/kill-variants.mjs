// What is killed again and again: how it is started and gone on with, and what has to come of it.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startChild } from "./child.mjs";
import { savedDigest } from "./expect-run.mjs";
import { ablateCommand, finetuneCommand, pretrainCommand, smallRun } from "./runs.mjs";
import { timeless } from "./timeless.mjs";

/**
 * @typedef {object} Variant
 * @property {string} name
 * @property {string} [same] what has to be that of the undisturbed run, in words
 * @property {boolean} [labelled] whether its images lie in a folder for each class
 * @property {number} kills
 * @property {number} steps of each run
 * @property {{ kills: number, steps: number }} short
 * @property {readonly Moment[]} moments
 * @property {(options: { images: string, out: string, steps: number, workers: number, scratch: string,
 *   engine: import("@sitjs/engine").EngineName }) => { script: string, args: string[] }} command goes on where `out` has a
 *   checkpoint, or something that is done
 * @property {(setup: { scratch: string, images: string, engine: import("@sitjs/engine").EngineName }) => Promise<void>} [prepare]
 *   puts into `scratch` what the command needs
 * @property {(out: string) => string} [where] what it was doing when it was killed; default: by what it has left of writing
 *   a checkpoint
 * @property {(out: string) => Promise<string> | string} digest of what has come of it
 * @property {(out: string) => unknown} [record] what else has to be the same, and is easier to read where it is not
 *
 * @typedef {"any" | "write" | "saved"} Moment at any moment of a life, after a write has begun, or when the new checkpoint
 *   is in its place
 */

/** Seconds. */
const WATCHDOG = 120;

/** @type {readonly Variant[]} */
export const variants = [
  {
    name: "the packages",
    kills: 100,
    steps: 60,
    short: { kills: 3, steps: 12 },
    moments: ["any", "write", "write", "saved"],
    command: smallRun,
    digest: savedDigest,
  },
  {
    name: "the command line",
    kills: 20,
    steps: 24,
    short: { kills: 2, steps: 8 },
    moments: ["any", "write", "write", "saved"],
    command: pretrainCommand,
    digest: savedDigest,
    record: historyOf,
  },
  {
    name: "fine-tuning",
    labelled: true,
    same: "parameters, their averages and optimizer, and the accuracy",
    kills: 20,
    steps: 24,
    short: { kills: 1, steps: 6 },
    moments: ["any", "any", "write", "saved"],
    command: ({ scratch, ...run }) => finetuneCommand({ ...run, checkpoint: pretrained(scratch) }),
    async prepare({ scratch, images, engine }) {
      const options = { images, out: pretrained(scratch), steps: 2, workers: 0, engine };
      const { script, args } = pretrainCommand(options);
      const end = await startChild(script, args, { timeout: WATCHDOG }).ended;
      if (end.code !== 0) throw new Error(`the network to fine-tune cannot be made: ${end.stderr}`);
    },
    digest: savedDigest,
    record: (out) => ({ ...historyOf(out), accuracy: summaryOf(out).accuracy }),
  },
  {
    name: "an ablation",
    labelled: true,
    same: "results of every trial, to the last digit",
    kills: 20,
    steps: 12,
    short: { kills: 1, steps: 4 },
    moments: ["any"],
    command: ({ scratch, ...run }) => ablateCommand({ ...run, file: grid(scratch) }),
    async prepare({ scratch }) {
      writeFileSync(grid(scratch), gridText);
    },
    where: whereInTrials,
    digest: (out) =>
      createHash("sha256")
        .update(JSON.stringify(trialsOf(out)))
        .digest("hex"),
    record: trialsOf,
  },
];

const pretrained = (scratch) => join(scratch, "pretrained");
const grid = (scratch) => join(scratch, "grid.mjs");

/** Two variants with one seed. */
const gridText = `export default {
  title: "Killed", seeds: [0], labelsPerClass: [2], bankImages: 32,
  axes: [
    {
      name: "alpha", title: "Alpha",
      variants: [{ name: "1" }, { name: "5", settings: { alpha: 5 } }],
    },
  ],
};
`;

/**
 * The lines of steps in a run's history, without what is another each time.
 * @throws Error where they are not every step once, in order
 */
function historyOf(out) {
  const lines = readFileSync(join(out, "history.jsonl"), "utf8").trimEnd().split("\n");
  const steps = lines.map((line) => JSON.parse(line)).filter(({ kind }) => kind === undefined);
  const wrong = steps.findIndex(({ step }, i) => step !== i);
  if (wrong >= 0) throw new Error(`expected step ${wrong} in the history, got ${steps[wrong].step}`);
  const looks = lines.map((line) => JSON.parse(line)).filter(({ kind }) => kind === "watch");
  return timeless({ steps, looks });
}

const summaryOf = (out) => JSON.parse(readFileSync(join(out, "summary.json"), "utf8"));

/** What every trial has come to, by its file. */
function trialsOf(out) {
  const folder = join(out, "trials");
  const files = existsSync(folder) ? readdirSync(folder, { recursive: true }).map(String).sort() : [];
  return files
    .filter((name) => /seed-\d+\.json$/.test(name))
    .map((name) => [name, timeless(JSON.parse(readFileSync(join(folder, name), "utf8")).result)]);
}

/** By the folder of the trial that was under way, which goes when its result is there. */
function whereInTrials(out) {
  const folder = join(out, "trials");
  const names = existsSync(folder) ? readdirSync(folder, { recursive: true }).map(String) : [];
  if (names.some((name) => /checkpoints.step-\d+$/.test(name)))
    return "in a trial, after its first checkpoint";
  if (names.some((name) => /seed-\d+$/.test(name))) return "in a trial, before its first checkpoint";
  return "between two trials, or before the first";
}
