// Training curves in float32 and in bfloat16 on the demo's data: the demo's network, the same seed, settings and batches,
// by the app as it is published. A run in float32 with another seed shows how far apart two good runs are anyway.
// Writes benchmarks/results/precision.json and docs/pictures/precision.svg, in about three minutes on two cores:
//   node benchmarks/precision.mjs [--steps 300] [--out FILE]
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { installedEngine } from "@sitjs/engine";
import { cli } from "../scripts/lib/prepare.mjs";
import { root, runNode } from "../scripts/lib/steps.mjs";
import { curves, meanDifference, precisionFile, smoothed } from "./lib/curves.mjs";
import { describeMachine, machineLine } from "./lib/machine.mjs";
import { runAsProgram } from "./lib/main.mjs";
import { UsageError } from "./lib/options.mjs";
import { writeResults } from "./lib/results.mjs";
import { writePictures } from "./plot.mjs";

const seed = 0;
/** Compared: the two precisions, and what another seed changes. */
const compared = [
  { name: "float32", precision: "float32", seed },
  { name: "bfloat16", precision: "bfloat16", seed },
  { name: "float32, another seed", precision: "float32", seed: seed + 1 },
];
/** Steps that a point of a smoothed curve is the mean of. */
const window = 25;
/** Training images whose neighbours vote: a part is enough to compare by. */
const neighbours = 5000;

/**
 * @param {{ steps: number, log: (line: string) => void }} options
 * @returns {Promise<object>} the content of precision.json
 */
async function measure({ steps, log }) {
  const engine = await installedEngine();
  if (engine === undefined) throw new Error("No native engine: npm run sit -- engine install makes it.");
  const folder = mkdtempSync(join(tmpdir(), "sitjs-precision-"));
  const runs = [];
  try {
    for (const [index, { name, precision, seed }] of compared.entries()) {
      log(`${name}: ${steps} steps`);
      const out = join(folder, String(index));
      const common = ["--engine", "tfjs-node", "--seed", String(seed)];
      const options = ["--preset", "demo", "--steps", String(steps), "--precision", precision, "--out", out];
      const { pretrain, settings } = await sit(["pretrain", ...common, ...options]);
      const judged = ["--checkpoint", out, "--images", String(neighbours)];
      const { accuracy, testImages } = await sit(["knn", ...common, ...judged]);
      const lines = readFileSync(join(out, "history.jsonl"), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      if (settings.precision !== precision || lines.length !== steps) {
        throw new Error(
          `${name}: expected ${steps} steps in ${precision}, got ${lines.length} in ${settings.precision}`,
        );
      }
      runs.push({
        name,
        precision,
        seed,
        ...Object.fromEntries(curves.map((curve) => [curve, lines.map((line) => line[curve])])),
        knn: accuracy.top1,
        testImages,
        imagesPerSecond: pretrain.imagesPerSecond,
        seconds: pretrain.seconds,
      });
      log(`  k-NN ${(100 * accuracy.top1).toFixed(1)} %, ${pretrain.imagesPerSecond.toFixed(0)} images/s`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return {
    command: "node benchmarks/precision.mjs",
    machine: describeMachine(),
    versions: { node: process.versions.node, tensorflow: engine.tensorflow },
    settings: { preset: "demo", steps, window, neighbours },
    runs,
    differences: differencesOf(runs, window),
  };
}

/** How far each run's smoothed curves are from the first one's, on average, as a share of the first's. */
function differencesOf(runs, window) {
  const [first, ...others] = runs;
  return others.map((run) => ({
    name: run.name,
    ...Object.fromEntries(
      curves.map((curve) => [
        curve,
        meanDifference(smoothed(run[curve], window), smoothed(first[curve], window)),
      ]),
    ),
    knn: run.knn - first.knn,
  }));
}

/** The result of one command of the app. */
async function sit(args) {
  const { code, output } = await runNode(cli, [...args, "--json", "--quiet"], { quiet: true });
  const result = output
    .split("\n")
    .filter((line) => line.startsWith('{"event":"result"'))
    .map((line) => JSON.parse(line))
    .at(-1);
  if (code !== 0 || result === undefined) {
    throw new Error(`sit ${args.join(" ")}: expected a result, got exit code ${code}\n${output}`);
  }
  return result;
}

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({
    options: { steps: { type: "string", default: "300" }, out: { type: "string" } },
  });
  if (!/^[1-9]\d{0,5}$/.test(values.steps) || Number(values.steps) < window) {
    throw new UsageError(`--steps: expected a whole number from ${window} on, got ${values.steps}`);
  }
  const results = await measure({ steps: Number(values.steps), log: (line) => console.error(line) });
  const file = values.out ?? precisionFile;
  mkdirSync(dirname(file), { recursive: true });
  await writeResults(file, results);
  console.log(machineLine(results.machine));
  for (const { name, loss, reconstruction, contrast, knn } of results.differences) {
    const shares = [loss, reconstruction, contrast].map((share) => `${(100 * share).toFixed(2)} %`);
    console.log(
      `${name}: loss ${shares[0]}, reconstruction ${shares[1]}, contrast ${shares[2]} from float32, ` +
        `k-NN ${(100 * knn).toFixed(2)} points`,
    );
  }
  console.log(`Wrote ${relative(root, file)}`);
  if (values.out === undefined) writePictures({ precision: results });
});
