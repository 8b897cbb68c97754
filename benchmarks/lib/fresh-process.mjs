// What a process of its own takes from its start to its end.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { root } from "../../scripts/lib/steps.mjs";

const usage = fileURLToPath(new URL("usage.cjs", import.meta.url));

/**
 * In milliseconds: `wall` on the clock; `user` of the processor outside the kernel, which a busy machine disturbs
 * less. Processes that it starts itself count in `wall` only.
 * @typedef {{ wall: number, user: number }} Cost
 */

/**
 * Runs Node with these arguments in the repository's root folder.
 * @param {string[]} args
 * @returns {Cost}
 * @throws {Error} with what it printed, where it fails
 */
export function freshProcess(args) {
  const start = performance.now();
  const { status, error, output } = spawnSync(process.execPath, ["--require", usage, ...args], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const wall = performance.now() - start;
  if (error) throw error;
  if (status !== 0)
    throw new Error(`node ${args.join(" ")}: expected exit code 0, got ${status}\n${output[2]}`);
  return { wall, user: JSON.parse(output[3] ?? "").user / 1000 };
}

/** Runs this module text. @param {string} code */
export const freshModule = (code) => freshProcess(["--input-type=module", "--eval", code]);
