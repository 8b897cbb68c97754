// Nothing outside Node is imported here: options are read before anything is installed.
import { parseArgs } from "node:util";
import { UsageError } from "../../benchmarks/lib/options.mjs";

/** The parts, in the order they run. */
export const parts = ["kill", "faults", "determinism", "soak", "fuzz"];

export const usage = `npm run reliability -- [options] [${parts.join("|")} ...]

Proves what docs/reliability.md promises, and writes reliability/results/PART.json; exit code 1 where something does not
hold. Without names all parts run, in some 20 minutes on two cores.

  --short        a few kills, steps and inputs, to see that it runs; nothing is written
  --seed N       of all that is drawn (default 0)
  --engine NAME  tfjs-node or wasm (default: the native engine where there is one)
  --help`;

/**
 * @param {string[]} args
 * @returns {{ help: boolean, short: boolean, seed: number, engine: "tfjs-node" | "wasm" | undefined, only: string[] }}
 * @throws {UsageError} for an unknown option, value or part
 */
export function readOptions(args) {
  /** @type {Record<string, any>} */
  let values;
  /** @type {string[]} */
  let positionals;
  try {
    const options = /** @type {const} */ ({
      short: { type: "boolean", default: false },
      seed: { type: "string", default: "0" },
      engine: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    });
    ({ values, positionals } = parseArgs({ args, options, strict: true, allowPositionals: true }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const { seed, engine, help, short } = values;
  const strange = positionals.find((name) => !parts.includes(name));
  if (strange !== undefined) throw new UsageError(`expected parts among ${parts.join(", ")}, got ${strange}`);
  if (!/^\d{1,15}$/.test(seed)) throw new UsageError(`--seed: expected a whole number, got ${seed}`);
  if (engine !== undefined && engine !== "tfjs-node" && engine !== "wasm") {
    throw new UsageError(`--engine: expected tfjs-node or wasm, got ${engine}`);
  }
  const only = parts.filter((name) => positionals.length === 0 || positionals.includes(name));
  return { help, short, seed: Number(seed), engine, only };
}
