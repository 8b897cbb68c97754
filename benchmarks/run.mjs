// What `npm run bench` does once everything is installed: check, measure, print, write.
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { cacheFolder, installedEngine } from "@sitjs/engine";
import * as check from "./check.mjs";
import { describeMachine, machineLine } from "./lib/machine.mjs";
import { benches } from "./lib/options.mjs";
import { benchPython, pythonVersions } from "./lib/python.mjs";
import { differences, merge, readResults, writeResults } from "./lib/results.mjs";
import { precisions, workloads } from "./workloads.mjs";

const folder = dirname(fileURLToPath(import.meta.url));

/**
 * @param {ReturnType<typeof import("./lib/options.mjs").readOptions>} options
 * @throws {Error} with one plain message where something is missing or the sides do not compute the same
 */
export async function main(options) {
  const { quick, only } = options;
  const file = options.out ?? join(folder, "results", quick ? "quick.json" : "latest.json");
  const python = benchPython(cacheFolder(), console.log);
  const machine = describeMachine();
  const versions = await describeVersions(python);
  const facts = { machine, versions };
  console.log(`\n${machineLine(machine)}`);
  console.log(
    Object.entries(versions)
      .map(([what, version]) => `${what} ${version}`)
      .join(", "),
  );

  const found = only.filter((name) => existsSync(join(folder, `${name}.mjs`)));
  if (found.length === 0) throw new Error(`--only: expected a part that is here, got ${only.join(", ")}`);
  const old = isWhole(options) ? undefined : readResults(file);
  const differing = old === undefined ? [] : differences(old, facts);
  if (differing.length > 0) {
    throw new Error(
      `${relative(process.cwd(), file)} was measured elsewhere: ${differing.join("; ")}.\n` +
        "A part cannot be put into it: run the whole bench (npm run bench), or give another file with --out.",
    );
  }
  if (quick) console.log("Quick: few rounds, to see that it runs. The numbers are rough.");

  /** @type {import("./lib/results.mjs").Results} */
  let results = { command: "npm run bench", quick, ...facts };
  const said = [];
  const log = (line) => console.log(line);
  try {
    for (const name of found) {
      console.log(`\n▸ ${name}`);
      const bench = await import(pathToFileURL(join(folder, `${name}.mjs`)).href);
      if (name === "steps") {
        const checked = await check.run({ python, log, precisions: options.precisions });
        results = merge(results, { ...facts, check: checked.results });
        said.push("", ...checked.lines);
      }
      const { results: fresh, lines } = await bench.run({ ...options, python, log });
      // The steps are the table of the file; the others lie under their names.
      results = merge(results, { ...facts, ...(name === "steps" ? fresh : { [name]: fresh }) });
      said.push("", `${name}:`, ...lines);
    }
  } finally {
    // Also where a later part failed: what took minutes to measure is at least said.
    console.log(said.join("\n"));
  }
  await writeResults(file, merge(old, results));
  console.log(`\nWrote ${relative(process.cwd(), file)}`);
}

async function describeVersions(python) {
  const engine = await installedEngine();
  return {
    node: process.versions.node,
    tensorflow: engine?.tensorflow ?? "unknown",
    ...pythonVersions(python),
  };
}

/** True where nothing of an older file is to be kept. */
function isWhole(options) {
  const { only, workloads: names, precisions: chosen } = options;
  return (
    only.length === benches.length &&
    names.length === Object.keys(workloads).length &&
    chosen.length === precisions.length
  );
}
