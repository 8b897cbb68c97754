// What the packages weigh: their tarballs, and of each entry what it adds to a page, how many files its import loads and
// how long that takes.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freshModule } from "../../benchmarks/lib/fresh-process.mjs";
import { addedToPage, browserEntries } from "./browser.mjs";
import { publishedEntries } from "./entries.mjs";
import { loadedModules } from "./loaded-modules.mjs";
import { packAll } from "./pack.mjs";

/** @typedef {import("./budget.mjs").Weights} Weights */

const tfjs = "@tensorflow/tfjs";
const kilobytes = (bytes) => Math.round(bytes / 100) / 10;

/** @returns {Promise<Weights>} by package */
export async function weighTarballs() {
  const folder = mkdtempSync(join(tmpdir(), "sitjs-budget-"));
  try {
    const tarballs = await packAll(folder);
    return Object.fromEntries(
      tarballs.map(({ name, bytes, unpackedBytes }) => [
        name,
        { tarball: kilobytes(bytes), unpacked: kilobytes(unpackedBytes) },
      ]),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {(entry: string) => number | undefined} startBudget what an entry's start may be: more runs are made only where
 *   one is above it; undefined: all are made
 * @param {(line: string) => void} log
 * @returns {Promise<Weights>} by entry
 */
export async function weighEntries(startBudget, log) {
  /** @type {Weights} */
  const weights = {};
  const bases = { [tfjs]: leastUser(`import ${JSON.stringify(tfjs)};`), "": leastUser("") };
  for (const { name, built } of publishedEntries()) {
    log(name);
    const { imports, modules } = await loadedModules(built, { external: ["@tensorflow/*"] });
    const base = bases[imports.includes(tfjs) ? tfjs : ""];
    const enough = (startBudget(name) ?? 0) * base;
    const start = leastUser(`import ${JSON.stringify(name)};`, enough) / base;
    weights[name] = { modules, start: Math.round(start * 100) / 100 };
    if (browserEntries.includes(name)) weights[name].browser = kilobytes(await addedToPage(name));
  }
  return weights;
}

/**
 * Processor time of fresh processes, which a busy machine disturbs less than time on the clock: the least of five, or the
 * first that is no more than `enough`.
 * @returns {number} milliseconds
 */
function leastUser(code, enough = 0, runs = 5) {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < runs && least > enough; run++) least = Math.min(least, freshModule(code).user);
  return least;
}
