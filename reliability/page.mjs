// Writes the tables of docs/reliability.md and the picture beside it from reliability/results.
//   node reliability/page.mjs
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fillPage } from "../benchmarks/lib/filled-page.mjs";
import { runAsProgram } from "../benchmarks/lib/main.mjs";
import { root } from "../scripts/lib/steps.mjs";
import { blocks } from "./lib/page-blocks.mjs";
import { soakPicture } from "./lib/picture-soak.mjs";
import { allResults } from "./lib/results.mjs";

export const pageFile = join(root, "docs", "reliability.md");
export const pictureFile = join(root, "docs", "pictures", "soak.svg");

/** `page` with the results' tables between its markers. */
export const filledPage = (page, results) => fillPage(page, "docs/reliability.md", blocks, results);

await runAsProgram(import.meta.url, () => {
  parseArgs(); // there are no options
  const results = allResults();
  writeFileSync(pageFile, filledPage(readFileSync(pageFile, "utf8"), results));
  console.log("Wrote the tables of docs/reliability.md");
  if (results.soak === undefined) return;
  writeFileSync(pictureFile, soakPicture(results.soak));
  console.log("Wrote docs/pictures/soak.svg");
});
