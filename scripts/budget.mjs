// npm run budget: what packages and entries weigh, held against budget.json. npm run budget -- --update writes it anew, with a
// little room. Run after the build.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatRows, holdAgainst, makeBudget } from "./lib/budget.mjs";
import { root } from "./lib/steps.mjs";
import { weighEntries, weighTarballs } from "./lib/weigh.mjs";

const file = join(root, "budget.json");
const { values } = parseArgs({ options: { update: { type: "boolean", default: false } } });
/** @type {{ packages: import("./lib/budget.mjs").Weights, entries: import("./lib/budget.mjs").Weights }} */
const budget = values.update ? { packages: {}, entries: {} } : JSON.parse(readFileSync(file, "utf8"));

const log = (line) => process.stderr.write(`${line}\n`);
log("tarballs");
const packages = await weighTarballs();
const entries = await weighEntries((name) => budget.entries[name]?.start, log);
if (values.update) {
  Object.assign(budget, { packages: makeBudget(packages), entries: makeBudget(entries) });
  writeFileSync(file, `${JSON.stringify(budget, undefined, 2)}\n`);
}
const held = [holdAgainst(packages, budget.packages), holdAgainst(entries, budget.entries)];
const problems = held.flatMap((each) => each.problems);
console.log(formatRows(held.flatMap(({ rows }) => rows)));
console.log(
  `The base of a start is the import of @tensorflow/tfjs, or Node alone for what loads without it.`,
);
for (const problem of problems) console.error(problem);
if (problems.length > 0)
  console.error("Where it is meant to be so: npm run budget -- --update, and say why in the commit");
process.exit(problems.length === 0 ? 0 : 1);
