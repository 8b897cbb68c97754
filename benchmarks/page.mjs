// Writes the tables of docs/performance.md and the pictures beside them from benchmarks/results/latest.json.
//   node benchmarks/page.mjs
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../scripts/lib/steps.mjs";
import { fillPage } from "./lib/filled-page.mjs";
import { latestResults } from "./lib/latest.mjs";
import { runAsProgram } from "./lib/main.mjs";
import { blocks } from "./lib/page-blocks.mjs";
import { writePictures } from "./plot.mjs";

export const pageFile = join(root, "docs", "performance.md");

/** `page` with the results' tables between its markers. */
export const filledPage = (page, results) => fillPage(page, "docs/performance.md", blocks, results);

await runAsProgram(import.meta.url, () => {
  parseArgs(); // there are no options
  const results = latestResults();
  writeFileSync(pageFile, filledPage(readFileSync(pageFile, "utf8"), results));
  console.log("Wrote the tables of docs/performance.md");
  writePictures(results);
});
