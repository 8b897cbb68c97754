// npm run budget: what packages and entries weigh, held against budget.json. npm run budget -- --update writes it anew, with a
// little room. Run after the build.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runAsProgram } from "../benchmarks/lib/main.mjs";
import { readArguments } from "./lib/arguments.mjs";
import { formatRows, holdAgainst, makeBudget } from "./lib/budget.mjs";
import { root } from "./lib/steps.mjs";
import { weighEntries, weighTarballs } from "./lib/weigh.mjs";

/** @typedef {import("./lib/budget.mjs").Weights} Weights */

const file = join(root, "budget.json");

await runAsProgram(import.meta.url, async () => {
  const { values } = readArguments({ options: { update: { type: "boolean", default: false } } });
  /** @type {{ packages: Weights, entries: Weights }} */
  const old = values.update ? { packages: {}, entries: {} } : JSON.parse(readFileSync(file, "utf8"));
  const log = (line) => process.stderr.write(`${line}\n`);
  log("tarballs");
  const packages = await weighTarballs();
  const entries = await weighEntries((name) => old.entries[name]?.start, log);
  const budget = values.update ? { packages: makeBudget(packages), entries: makeBudget(entries) } : old;
  if (values.update) writeFileSync(file, `${JSON.stringify(budget, undefined, 2)}\n`);

  const held = [holdAgainst(packages, budget.packages), holdAgainst(entries, budget.entries)];
  const problems = held.flatMap((each) => each.problems);
  console.log(formatRows(held.flatMap(({ rows }) => rows)));
  console.log(
    "The base of a start is the import of @tensorflow/tfjs, or Node alone for what loads without it.",
  );
  if (problems.length === 0) return;
  throw new Error(
    `${problems.join("\n")}\nWhere it is meant to be so: npm run budget -- --update, and say why in the commit`,
  );
});
