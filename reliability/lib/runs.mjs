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

/** The tiny network as options of the app; two steps are an epoch of 64 images, at whose end it saves. */
const tinyOptions = {
  channels: 1,
  statistics: "dataset",
  "image-size": 16,
  "patch-size": 4,
  width: 16,
  depth: 2,
  heads: 2,
  "reconstruction-hidden": 24,
  "projection-hidden": 24,
  "projection-output": 8,
  "batch-size": 32,
  "checkpoint-every": 1,
};

/**
 * `sit pretrain`, with `--resume` where the folder has a checkpoint.
 *
 * @param {{ images: string, out: string, steps: number, workers?: number, engine: string,
 *   options?: Record<string, string | number> }} run `options` take the place of those of the tiny network
 */
export function pretrainCommand({ images, out, steps, workers = 2, engine, options = {} }) {
  const folder = join(out, "checkpoints");
  const saved = existsSync(folder) && readdirSync(folder).some((name) => name.startsWith("step-"));
  const chosen = {
    out,
    workers,
    engine,
    ...(!saved && { data: images, epochs: steps / 2, ...tinyOptions, ...options }),
  };
  const args = Object.entries(chosen).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return { script: cli, args: ["pretrain", "--json", ...(saved ? ["--resume"] : []), ...args] };
}
