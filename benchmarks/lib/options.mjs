// Nothing outside Node is imported here: options are read before anything is installed.
import { parseArgs } from "node:util";
import { precisions, workloads } from "../workloads.mjs";

/** The parts of the bench, in the order they run. */
export const benches = ["steps", "methods", "loader", "start", "growth", "profile"];

export const usage = `npm run bench -- [options]

Times a training step here and in PyTorch, in turn, and writes benchmarks/results/latest.json.

  --only NAMES        parts to run: ${benches.join(",")} (default: all)
  --workloads NAMES   of the steps: ${Object.keys(workloads).join(",")} (default: all)
  --precisions NAMES  of the steps: ${precisions.join(",")} (default: both)
  --rounds N          timed rounds of steps and methods (default 7)
  --quick             few rounds, to see that it runs; written to benchmarks/results/quick.json
  --out FILE          where the results go
  --help

SITJS_BENCH_PYTHON=/path/to/python uses that Python, which has benchmarks/peers/requirements.txt installed, instead
of a virtual environment in the cache folder.`;

/** A mistake on the command line, told in one line. */
export class UsageError extends Error {}

/**
 * @param {string[]} args
 * @returns {{ help: boolean, only: string[], workloads: string[], precisions: string[], rounds: number,
 *   quick: boolean, out: string | undefined }}
 * @throws {UsageError} for an unknown option or value
 */
export function readOptions(args) {
  /** @type {Record<string, any>} */
  let values;
  try {
    ({ values } = parseArgs({
      args,
      strict: true,
      allowPositionals: false,
      options: {
        only: { type: "string" },
        workloads: { type: "string" },
        precisions: { type: "string" },
        rounds: { type: "string" },
        quick: { type: "boolean", default: false },
        out: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const { quick, help, out } = values;
  if (out === "") throw new UsageError("--out: expected a file, got nothing");
  return {
    help,
    quick,
    out,
    only: list("--only", values.only, benches),
    workloads: list("--workloads", values.workloads, Object.keys(workloads)),
    precisions: list("--precisions", values.precisions, precisions),
    rounds: count("--rounds", values.rounds ?? (quick ? "2" : "7")),
  };
}

/** Names in the order of `known`, each once; all of them where none is given. */
function list(option, text, known) {
  if (text === undefined) return [...known];
  const names = text.split(",").map((name) => name.trim());
  const strange = names.find((name) => !known.includes(name));
  if (strange !== undefined) {
    throw new UsageError(
      `${option}: expected names among ${known.join(", ")}, got ${JSON.stringify(strange)}`,
    );
  }
  return known.filter((name) => names.includes(name));
}

function count(option, text) {
  if (!/^[1-9]\d{0,3}$/.test(text)) {
    throw new UsageError(`${option}: expected a whole number from 1 to 9999, got ${JSON.stringify(text)}`);
  }
  return Number(text);
}
