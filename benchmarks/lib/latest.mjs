import { join } from "node:path";
import { root } from "../../scripts/lib/steps.mjs";
import { precisionFile } from "./curves.mjs";
import { readResults } from "./results.mjs";

/** What a whole run of `npm run bench` writes. */
export const latestFile = join(root, "benchmarks", "results", "latest.json");

/**
 * What is in latest.json and, under `precision`, in precision.json beside it, where that has been written.
 *
 * @throws {Error} where there is no latest.json
 */
export function latestResults() {
  const results = readResults(latestFile);
  if (results === undefined)
    throw new Error("benchmarks/results/latest.json: npm run bench writes it, got no such file");
  const precision = readResults(precisionFile);
  return precision === undefined ? results : { ...results, precision };
}
