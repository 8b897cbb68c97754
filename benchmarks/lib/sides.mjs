import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { startSide } from "./side.mjs";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Both sides use all cores. */
export const threads = availableParallelism();

/**
 * How a step can be computed; the first of each precision is ours, the second the plain peer.
 *
 * @typedef {object} Setting
 * @property {string} name
 * @property {"ours" | "torch"} by
 * @property {import("../workloads.mjs").Precision} precision
 * @property {boolean} compiled by torch.compile
 */

/** @type {readonly Setting[]} */
export const settings = [
  { name: "sitjs float32", by: "ours", precision: "float32", compiled: false },
  { name: "PyTorch float32", by: "torch", precision: "float32", compiled: false },
  { name: "PyTorch float32, torch.compile", by: "torch", precision: "float32", compiled: true },
  { name: "sitjs bfloat16", by: "ours", precision: "bfloat16", compiled: false },
  { name: "PyTorch bfloat16 autocast", by: "torch", precision: "bfloat16", compiled: false },
  { name: "PyTorch bfloat16 autocast, torch.compile", by: "torch", precision: "bfloat16", compiled: true },
];

/**
 * Starts the process of a setting; it has loaded its libraries when this resolves.
 *
 * @param {Pick<Setting, "name" | "by">} setting
 * @param {string} python
 * @returns {Promise<{ side: import("./side.mjs").Side, versions: any }>}
 */
export async function startFor({ name, by }, python) {
  const side =
    by === "ours"
      ? startSide({ name, command: process.execPath, args: [join(folder, "sides", "ours.mjs")] })
      : startSide({
          name,
          command: python,
          args: ["-B", join(folder, "peers", "side.py")],
          env: { OMP_NUM_THREADS: String(threads) },
        });
  try {
    return { side, versions: await side.ask({ do: "hello", threads }) };
  } catch (error) {
    await side.stop();
    throw error;
  }
}
