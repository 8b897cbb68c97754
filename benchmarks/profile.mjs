// Where the time of a training step goes, by operation, on the native engine. Every profile is taken in a process of
// its own: node benchmarks/profile.mjs --help
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { useEngine } from "@sitjs/engine";
import * as tf from "@tensorflow/tfjs";
import { runAsProgram } from "./lib/main.mjs";
import { totalCost, watchOperations } from "./lib/operation-times.mjs";
import { UsageError } from "./lib/options.mjs";
import { profileLines } from "./lib/profile-table.mjs";
import { residentMemory } from "./sides/memory.mjs";
import { makeStep } from "./sides/step.mjs";
import { precisions, workloads } from "./workloads.mjs";

const help = `node benchmarks/profile.mjs [options]
  --workload NAME    ${Object.keys(workloads).join(", ")} (default A)
  --kernels on|off   the fused kernels, or TensorFlow's own operations (default on)
  --precision NAME   ${precisions.join(", ")} (default float32)
  --steps N          steps to look at, after two that are not (default 5)
  --shapes           tell calls of one operation apart by the shapes of their inputs
  --rows N           rows to print (default 25)
  --json FILE        also write what was measured`;

/**
 * @typedef {import("./lib/operation-times.mjs").OperationCost} OperationCost
 * @typedef {{ workload: string, precision: string, kernels: "on" | "off", steps: number, engine: string,
 *   peakMB: number, whole: OperationCost, outside: OperationCost, operations: OperationCost[] }} StepProfile
 *   costs of one step; `outside` is what the step spends in no operation: JavaScript, tape, bookkeeping
 */

export const name = "profile";

/** What `npm run bench` profiles: before (TensorFlow's operations), after (fused kernels), and in bfloat16. */
const profiled = [
  { workload: "A", kernels: "off", precision: "float32" },
  { workload: "A", kernels: "on", precision: "float32" },
  { workload: "A", kernels: "on", precision: "bfloat16" },
  { workload: "B", kernels: "off", precision: "float32" },
  { workload: "B", kernels: "on", precision: "float32" },
  { workload: "B", kernels: "on", precision: "bfloat16" },
];

/** @returns {Promise<{ results: { profiles: StepProfile[] }, lines: string[] }>} */
export async function run({ log = console.error, quick = false } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "sitjs-profile-"));
  const profiles = [];
  const lines = [];
  try {
    for (const { workload, kernels, precision } of profiled) {
      const file = join(folder, "profile.json");
      log(`profile: ${workload}, ${precision}, kernels ${kernels}`);
      const settings = { workload, kernels, precision, steps: quick ? 2 : 5, json: file };
      const args = Object.entries(settings).flatMap(([option, value]) => [`--${option}`, String(value)]);
      const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), ...args], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      });
      if (child.status !== 0) {
        throw new Error(`profile of ${workload}, ${precision}, kernels ${kernels} failed: ${child.stderr}`);
      }
      const profile = JSON.parse(readFileSync(file, "utf8"));
      profiles.push(profile);
      lines.push(...profileLines(profile, 8), "");
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { results: { profiles }, lines };
}

/**
 * Profiles this process's own steps.
 *
 * @returns {Promise<StepProfile>}
 */
async function profileSteps({ workload, kernels, precision, steps, shapes }) {
  const engine = await useEngine({ prefer: "tfjs-node", kernels: kernels === "on" });
  if (kernels === "on" && engine.kernels.length === 0) {
    throw new Error(`--kernels on: expected fused kernels, got none: ${engine.note}`);
  }
  const watch = watchOperations(/** @type {any} */ (tf.backend()), { shapes });
  const step = makeStep(workloads[workload], precision, 0);
  for (let i = 0; i < 2; i++) await step.run();
  const { operations, whole } = await watch.profile(async () => {
    for (let i = 0; i < steps; i++) await step.run();
  });
  /** @template {object} T @param {T} cost @returns {T} */
  const perStep = (cost) =>
    /** @type {T} */ (
      Object.fromEntries(
        Object.entries(cost).map(([key, value]) => [key, key === "name" ? value : value / steps]),
      )
    );
  const inside = totalCost(operations);
  const outside = /** @type {typeof whole} */ (
    Object.fromEntries(Object.entries(whole).map(([key, value]) => [key, value - inside[key]]))
  );
  return {
    workload,
    precision,
    kernels,
    steps,
    engine: engine.note,
    peakMB: residentMemory().peakMB,
    whole: perStep({ name: "whole step", calls: inside.calls, ...whole }),
    outside: perStep({ name: "(outside operations)", calls: 0, ...outside }),
    operations: operations.map(perStep),
  };
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      workload: { type: "string", default: "A" },
      kernels: { type: "string", default: "on" },
      precision: { type: "string", default: "float32" },
      steps: { type: "string", default: "5" },
      shapes: { type: "boolean", default: false },
      rows: { type: "string", default: "25" },
      json: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const allowed = {
    workload: Object.keys(workloads),
    kernels: ["on", "off"],
    precision: ["float32", "bfloat16"],
  };
  for (const [option, list] of Object.entries(allowed)) {
    if (list.includes(values[option])) continue;
    throw new UsageError(`--${option}: expected one of ${list.join(", ")}, got ${values[option]}`);
  }
  for (const option of ["steps", "rows"]) {
    if (/^[1-9]\d*$/.test(values[option])) continue;
    throw new UsageError(`--${option}: expected a number above 0, got ${values[option]}`);
  }
  return { ...values, steps: Number(values.steps), rows: Number(values.rows) };
}

await runAsProgram(import.meta.url, async () => {
  const options = readOptions();
  if (options.help) {
    console.log(help);
    return;
  }
  const profile = await profileSteps(options);
  console.log(profileLines(profile, options.rows).join("\n"));
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(profile, null, 2)}\n`);
});
