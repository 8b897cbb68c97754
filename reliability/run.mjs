// What `npm run reliability` does once everything is installed: the parts one after the other, each into its own file.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { installedEngine, useEngine } from "@sitjs/engine";
import { describeMachine, machineLine } from "../benchmarks/lib/machine.mjs";
import { writeResults } from "../benchmarks/lib/results.mjs";
import { duration, runNode } from "../scripts/lib/steps.mjs";
import { resultsFile } from "./lib/results.mjs";

const folder = fileURLToPath(new URL(".", import.meta.url));

/**
 * @param {ReturnType<typeof import("./lib/options.mjs").readOptions>} options
 * @returns {Promise<boolean>} whether everything held
 */
export async function main(options) {
  for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143 })) {
    process.once(signal, () => process.exit(code));
  }
  const installed = await installedEngine();
  const engine = options.engine ?? (installed === undefined ? "wasm" : "tfjs-node");
  // This process reads checkpoints only.
  await useEngine({ prefer: "cpu" });
  const machine = describeMachine();
  console.log(`\n${machineLine(machine)}; engine ${engine}, seed ${options.seed}`);
  const facts = {
    command: "npm run reliability",
    machine,
    versions: { node: process.versions.node, tensorflow: installed?.tensorflow ?? "none" },
    engine,
    seed: options.seed,
  };
  const failed = [];
  for (const name of options.only) {
    const begin = performance.now();
    console.log(`\n▸ ${name}`);
    const held = name === "fuzz" ? await fuzz(options) : await part(name, { ...options, engine }, facts);
    console.log(`  ${held ? "held" : "FAILED"} (${duration(performance.now() - begin)})`);
    if (!held) failed.push(name);
  }
  console.log(failed.length === 0 ? "\nEverything held." : `\nFAILED: ${failed.join(", ")}`);
  return failed.length === 0;
}

/** The fuzzer is a program of its own, which writes its own results. */
async function fuzz({ short, seed }) {
  const inputs = short ? ["--inputs", "20000", "--out", "none"] : [];
  const { code } = await runNode(join(folder, "fuzz.mjs"), ["--seed", String(seed), ...inputs]);
  return code === 0;
}

async function part(name, options, facts) {
  const scratch = mkdtempSync(join(tmpdir(), `sitjs-${name}-`));
  const begin = performance.now();
  const { run } = await import(pathToFileURL(join(folder, `${name}.mjs`)).href);
  // After that module's own, which unmounts its disks.
  const clean = () => rmSync(scratch, { recursive: true, force: true });
  process.on("exit", clean);
  const { results, failures, lines } = await run({
    ...options,
    scratch,
    log: (line) => console.log(`  ${line}`),
  });
  for (const line of lines) console.log(`  ${line}`);
  for (const failure of failures) console.log(`  FAILED: ${failure}`);
  process.off("exit", clean);
  if (failures.length === 0) clean();
  else console.log(`  What it has left lies in ${scratch}`);
  const seconds = Number(((performance.now() - begin) / 1000).toFixed(1));
  if (!options.short) {
    const file = resultsFile(name);
    const outcome = failures.length === 0 ? "held" : "failed";
    await writeResults(file, { ...facts, seconds, outcome, failures, ...results });
    console.log(`  Wrote ${relative(process.cwd(), file)}`);
  }
  return failures.length === 0;
}
