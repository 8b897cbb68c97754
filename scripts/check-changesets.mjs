// Every published package has its release noted, once: a changeset that waits, or a changelog from an earlier one.
import { existsSync } from "node:fs";
import { join } from "node:path";
import getReleasePlan from "@changesets/get-release-plan";
import { publishedPackages } from "./lib/entries.mjs";
import { root } from "./lib/steps.mjs";

const packages = publishedPackages();

// What `changeset status` reads, but without asking git: a clone of one commit has no branch to compare with.
// It throws where a changeset names a package that is not here.
const { changesets } = await getReleasePlan(root);

const problems = [];
const summaries = new Map();
for (const { id, summary } of changesets) {
  if (!summary.trim()) problems.push(`.changeset/${id}.md says nothing`);
  const twin = summaries.get(summary.trim());
  if (twin) problems.push(`.changeset/${id}.md and .changeset/${twin}.md say the same`);
  summaries.set(summary.trim(), id);
}
for (const entry of packages) {
  const noted = changesets.some(({ releases }) => releases.some(({ name }) => name === entry.name));
  if (!noted && !existsSync(join(entry.folder, "CHANGELOG.md"))) {
    problems.push(`${entry.name} has neither a changeset nor a changelog: run npm run changeset`);
  }
}
for (const problem of problems) console.error(problem);
console.log(`${changesets.length} changesets, ${packages.length} published packages`);
process.exit(problems.length === 0 ? 0 : 1);
