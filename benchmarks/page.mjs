// Writes the tables of docs/performance.md and the pictures beside them from benchmarks/results/latest.json.
//   node benchmarks/page.mjs
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../scripts/lib/steps.mjs";
import { latestResults } from "./lib/latest.mjs";
import { runAsProgram } from "./lib/main.mjs";
import { blocks } from "./lib/page-blocks.mjs";
import { writePictures } from "./plot.mjs";

export const pageFile = join(root, "docs", "performance.md");

/**
 * `page` with the text between each pair of markers, `<!-- name -->` and `<!-- /name -->`, made anew; the prose between
 * them stays as it is.
 *
 * @param {string} page
 * @param {any} results
 * @throws {Error} for markers that name no block
 */
export function filledPage(page, results) {
  return page.replace(/(<!-- (\w+) -->\n).*?(<!-- \/\2 -->)/gs, (_, open, name, close) => {
    if (!(name in blocks)) {
      throw new Error(
        `docs/performance.md: expected markers among ${Object.keys(blocks).join(", ")}, got ${name}`,
      );
    }
    return `${open}\n${blocks[name](results) ?? "Not measured."}\n\n${close}`;
  });
}

await runAsProgram(import.meta.url, () => {
  parseArgs(); // there are no options
  const results = latestResults();
  writeFileSync(pageFile, filledPage(readFileSync(pageFile, "utf8"), results));
  console.log("Wrote the tables of docs/performance.md");
  writePictures(results);
});
