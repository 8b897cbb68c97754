import { join } from "node:path";
import { root } from "../../scripts/lib/steps.mjs";
import { readResults } from "./results.mjs";

/** What a whole run of `npm run bench` writes. */
export const latestFile = join(root, "benchmarks", "results", "latest.json");

/** @throws {Error} where there is none */
export function latestResults() {
  const results = readResults(latestFile);
  if (results === undefined)
    throw new Error("benchmarks/results/latest.json: npm run bench writes it, got no such file");
  return results;
}
