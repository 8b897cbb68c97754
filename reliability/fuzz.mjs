// Malformed files for every parser: node reliability/fuzz.mjs --inputs 1400000 --seed 0
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { describeMachine, machineLine } from "../benchmarks/lib/machine.mjs";
import { root } from "../scripts/lib/steps.mjs";
import { fuzz } from "./fuzz/run.mjs";

const usage = `node reliability/fuzz.mjs [options]

Parses malformed files in a process of its own and looks that each is refused with a clear error or read rightly, in
time and memory that the file's size bounds. Ends with code 1 where one is not; that input is then saved.

  --inputs N     files in all, shared out over the targets (default 1400000: a million of them malformed)
  --seed N       what all of them follow from (default 0)
  --only NAMES   targets, separated by commas without spaces (default: all)
  --out FILE     results in JSON (default reliability/results/fuzz.json; "none": none)
  --findings DIR where inputs are saved (default reliability/findings)
  --help`;

/** Findings that are told in full. */
const shown = 10;

/** A mistake on the command line, told in one line. */
class UsageError extends Error {}

function readOptions() {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        inputs: { type: "string", default: "1400000" },
        seed: { type: "string", default: "0" },
        only: { type: "string" },
        out: { type: "string", default: join(root, "reliability", "results", "fuzz.json") },
        findings: { type: "string", default: join(root, "reliability", "findings") },
        help: { type: "boolean", short: "h", default: false },
      },
    }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  return { ...values, inputs: whole("--inputs", values.inputs, 1), seed: whole("--seed", values.seed, 0) };
}

function whole(option, text, minimum) {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= minimum) return value;
  throw new UsageError(
    `${option}: expected a whole number of at least ${minimum}, got ${JSON.stringify(text)}`,
  );
}

function save(folder, findings) {
  mkdirSync(folder, { recursive: true });
  for (const [i, { target, index, kind, message, input }] of findings.entries()) {
    const file = join(folder, `${target.replaceAll(/[^a-z0-9]+/g, "-")}-${index}.bin`);
    writeFileSync(file, Buffer.from(input, "base64"));
    if (i < shown) {
      console.error(`${target}, input ${index}: ${kind}: ${message}\n  ${relative(process.cwd(), file)}`);
    }
  }
  if (findings.length > shown) console.error(`and ${findings.length - shown} more in ${folder}`);
}

// An end by a signal takes the process that parses along, whatever it is at.
process.once("SIGINT", () => process.exit(130)).once("SIGTERM", () => process.exit(143));

try {
  const { inputs, seed, only, out, findings: folder, help } = readOptions();
  if (help) {
    console.log(usage);
    process.exit(0);
  }
  const machine = describeMachine();
  console.log(`${inputs} inputs, seed ${seed}, on ${machineLine(machine)}, Node ${process.versions.node}`);
  const began = performance.now();
  const module = join(root, "reliability", "fuzz", "targets", "index.ts");
  const { targets, findings } = await fuzz({
    module,
    inputs,
    seed,
    only: only?.split(/,(?! )/),
    log: console.log,
  });
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  const sum = (what) => targets.reduce((total, each) => total + each[what], 0);
  const totals = { inputs: sum("inputs"), accepted: sum("accepted"), rejected: sum("rejected") };
  console.log(
    `${totals.inputs} inputs in ${seconds} s: ${totals.accepted} accepted, ${totals.rejected} refused, ` +
      `${findings.length} findings`,
  );
  if (findings.length > 0) save(folder, findings);
  if (out !== "none") {
    const found = findings.map(({ target, index, kind, message }) => ({ target, index, kind, message }));
    const results = {
      machine,
      node: process.versions.node,
      seed,
      seconds,
      ...totals,
      findings: found,
      targets,
    };
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, `${JSON.stringify(results, null, 2)}\n`);
  }
  process.exitCode = findings.length === 0 ? 0 : 1;
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
