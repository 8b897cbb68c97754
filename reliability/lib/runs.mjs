import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cli } from "../../scripts/lib/prepare.mjs";

const program = (name) => fileURLToPath(new URL(`../runs/${name}.mjs`, import.meta.url));

/**
 * The command of a small run.
 *
 * @param {import("../runs/small-run.mjs").SmallRun} options
 */
export function smallRun(options) {
  return { script: program("small-run"), args: [JSON.stringify(options)] };
}

/**
 * The command of a soaked run.
 *
 * @param {import("../runs/soak-run.mjs").SoakRun} options
 */
export function soakRun(options) {
  return { script: program("soak-run"), args: [JSON.stringify(options)] };
}

/** The tiny network as options of the app. */
const tinyNetwork = {
  channels: 1,
  statistics: "dataset",
  "image-size": 16,
  "patch-size": 4,
  width: 16,
  depth: 2,
  heads: 2,
};

/** Of pretraining: two steps are an epoch of 64 images, at whose end it saves. */
const tinyOptions = {
  ...tinyNetwork,
  "reconstruction-hidden": 24,
  "projection-hidden": 24,
  "projection-output": 8,
  "batch-size": 32,
  "checkpoint-every": 1,
};

/** Of fine-tuning: everything that draws at random or remembers, three steps an epoch, saved in their middle too. */
const finetuneOptions = {
  recipe: "mae",
  "average-decay": 0.9,
  "drop-path": 0.2,
  "batch-size": 16,
  "checkpoint-steps": 2,
};

/** Of an ablation, where pretraining has three steps an epoch. */
const ablateOptions = {
  preset: "compare",
  ...tinyNetwork,
  "projection-hidden": 24,
  "projection-output": 8,
  "batch-size": 16,
  "checkpoint-steps": 1,
  "finetune-steps": 4,
  "finetune-batch-size": 8,
};

/** The arguments of options by name. */
export const argsOf = (options) =>
  Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);

/** Whether a run's folder has a checkpoint to go on from. */
function isSaved(out) {
  const folder = join(out, "checkpoints");
  return existsSync(folder) && readdirSync(folder).some((name) => name.startsWith("step-"));
}

/**
 * `sit finetune` of a network of `pretrainCommand`, with `--resume` where the folder has a checkpoint.
 *
 * @param {{ images: string, out: string, steps: number, workers?: number, engine: string, checkpoint: string }} run
 */
export function finetuneCommand({ images, out, steps, workers = 2, engine, checkpoint }) {
  const saved = isSaved(out);
  const begin = { data: images, checkpoint, steps, ...finetuneOptions };
  const args = argsOf({ out, workers, engine, ...(!saved && begin) });
  return { script: cli, args: ["finetune", "--json", ...(saved ? ["--resume"] : []), ...args] };
}

/**
 * `sit ablate`: the same whether it begins or goes on.
 *
 * @param {{ images: string, out: string, steps: number, workers?: number, engine: string, file: string }} run `steps` of
 *   each pretraining
 */
export function ablateCommand({ images, out, steps, workers = 2, engine, file }) {
  const args = argsOf({ data: images, out, workers, engine, epochs: Math.ceil(steps / 3), ...ablateOptions });
  return { script: cli, args: ["ablate", file, "--json", ...args] };
}

/**
 * `sit pretrain`, with `--resume` where the folder has a checkpoint.
 *
 * @param {{ images: string, out: string, steps: number, workers?: number, engine: string,
 *   options?: Record<string, string | number> }} run `options` take the place of those of the tiny network
 */
export function pretrainCommand({ images, out, steps, workers = 2, engine, options = {} }) {
  const saved = isSaved(out);
  const chosen = {
    out,
    workers,
    engine,
    ...(!saved && { data: images, epochs: steps / 2, ...tinyOptions, ...options }),
  };
  const args = argsOf(chosen);
  return { script: cli, args: ["pretrain", "--json", ...(saved ? ["--resume"] : []), ...args] };
}
