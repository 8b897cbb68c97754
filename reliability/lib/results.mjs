import { join } from "node:path";
import { readResults } from "../../benchmarks/lib/results.mjs";
import { root } from "../../scripts/lib/steps.mjs";
import { parts } from "./options.mjs";

/** What `npm run reliability` writes for a part. */
export const resultsFile = (part) => join(root, "reliability", "results", `${part}.json`);

/**
 * The results of all parts, by name; undefined where a part has not been run.
 *
 * @returns {Record<string, any>}
 */
export function allResults() {
  return Object.fromEntries(parts.map((part) => [part, readResults(resultsFile(part))]));
}
