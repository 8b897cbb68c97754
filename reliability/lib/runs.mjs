import { fileURLToPath } from "node:url";

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
