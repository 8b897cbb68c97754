// Where the time of a training step goes, by operation, on the native engine.
//   node benchmarks/profile.mjs --workload A --kernels off --precision float32 --steps 5 --json profile.json
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { useEngine } from "@sitjs/engine";
import * as tf from "@tensorflow/tfjs";
import { operationTimes } from "./lib/operation-times.mjs";
import { makeStep, workloads } from "./lib/step.mjs";

const help = `node benchmarks/profile.mjs [options]
  --workload NAME    ${Object.keys(workloads).join(", ")} (default A)
  --kernels on|off   the fused kernels, or TensorFlow's own operations (default on)
  --precision NAME   float32 (default) or bfloat16
  --steps N          steps to look at, after two that are not (default 5)
  --shapes           tell calls of one operation apart by the shapes of their inputs
  --rows N           rows to print (default 25)
  --json FILE        also write what was measured`;

let values;
try {
  ({ values } = parseArgs({
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
  }));
  if (values.help) {
    console.log(help);
    process.exit(0);
  }
  requireOneOf("--workload", values.workload, Object.keys(workloads));
  requireOneOf("--kernels", values.kernels, ["on", "off"]);
  requireOneOf("--precision", values.precision, ["float32", "bfloat16"]);
  for (const name of ["steps", "rows"]) {
    if (!/^[1-9]\d*$/.test(values[name]))
      throw new Error(`--${name}: expected a number above 0, got ${values[name]}`);
  }
} catch (error) {
  console.error(`${error.message}\n${help}`);
  process.exit(2);
}

const { workload, precision } = values;
const steps = Number(values.steps);
const engine = await useEngine({ prefer: "tfjs-node", kernels: values.kernels === "on" });
const { step } = makeStep(workloads[workload], { precision });
for (let i = 0; i < 2; i++) step();
const profile = operationTimes(
  /** @type {any} */ (tf.backend()),
  () => {
    for (let i = 0; i < steps; i++) step();
  },
  { shapes: values.shapes },
);

const perStep = ({ milliseconds, processorMilliseconds, pageFaults, ...rest }) => ({
  ...rest,
  milliseconds: milliseconds / steps,
  processorMilliseconds: processorMilliseconds / steps,
  pageFaults: pageFaults / steps,
});
const { operations, ...whole } = perStep(profile);
const rows = operations.map((row) => ({ ...perStep(row), calls: row.calls / steps }));
const inside = sum(rows);
const outside = {
  name: "(JavaScript)",
  calls: 0,
  milliseconds: whole.milliseconds - inside.milliseconds,
  processorMilliseconds: whole.processorMilliseconds - inside.processorMilliseconds,
  pageFaults: whole.pageFaults - inside.pageFaults,
};

console.log(`${engine.note}\nWorkload ${workload}, ${precision}, per step of ${steps}:\n`);
const width = Math.max(14, ...rows.slice(0, Number(values.rows)).map(({ name }) => name.length));
const columns = ["calls", "ms", "share", "cores", "faults"];
console.log(`${"operation".padEnd(width)}${columns.map((column) => column.padStart(10)).join("")}`);
for (const row of rows.slice(0, Number(values.rows))) console.log(line(row));
const rest = rows.slice(Number(values.rows));
if (rest.length > 0) console.log(line({ ...sum(rest), name: `(${rest.length} more)` }));
console.log(line(outside));
console.log(line({ ...whole, name: "whole step", calls: inside.calls }));
console.log(`\npeak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`);

if (values.json !== undefined) {
  const settings = { workload, precision, kernels: engine.kernels, tensorflow: engine.tensorflow, steps };
  writeFileSync(
    values.json,
    `${JSON.stringify({ ...settings, whole, outside, operations: rows }, null, 2)}\n`,
  );
}

function line({ name, calls, milliseconds, processorMilliseconds, pageFaults }) {
  const cells = [
    calls === 0 ? "" : calls.toFixed(0),
    milliseconds.toFixed(1),
    `${((100 * milliseconds) / whole.milliseconds).toFixed(1)} %`,
    (processorMilliseconds / milliseconds).toFixed(2),
    pageFaults.toFixed(0),
  ];
  return `${name.padEnd(width)}${cells.map((cell) => cell.padStart(10)).join("")}`;
}

function sum(some) {
  const total = (key) => some.reduce((all, row) => all + row[key], 0);
  return {
    calls: total("calls"),
    milliseconds: total("milliseconds"),
    processorMilliseconds: total("processorMilliseconds"),
    pageFaults: total("pageFaults"),
  };
}

function requireOneOf(option, value, allowed) {
  if (!allowed.includes(value))
    throw new Error(`${option}: expected one of ${allowed.join(", ")}, got ${value}`);
}
