// npm run compare: all methods on the same data, network, images seen and fine-tuning, for docs/results. More than an hour
// on 2 cores; stopped, it goes on where it was. `-- --only fashion-mnist` runs one of the comparisons; other options go to
// `sit compare`. `-- --from FOLDER` writes the page again from finished runs: a run's folder, or one that holds them.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { basename, join } from "node:path";
import { comparisonPage, comparisonRecord, comparisons, pictureName } from "./lib/compare-page.mjs";
import { build, cli, install, installEngine } from "./lib/prepare.mjs";
import { checkNode, root, runNode } from "./lib/steps.mjs";

const NAMES = Object.keys(comparisons);

checkNode();
const args = process.argv.slice(2);
/** Takes an option with its value out of the arguments. */
const taken = (name) => {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args.splice(at, 2)[1];
};
const from = taken("--from");
const only = taken("--only");
if (only !== undefined && !NAMES.includes(only)) {
  console.error(`--only: expected one of ${NAMES.join(", ")}, got ${only}`);
  process.exit(2);
}
const runs = join(root, "runs", "compare");
if (from === undefined) {
  await install();
  await build();
  await installEngine();
  for (const name of only === undefined ? NAMES : [only]) {
    const options = [...comparisons[name].options, "--out", join(runs, name)];
    const { code } = await runNode(cli, ["compare", ...options, ...args]);
    if (code !== 0) process.exit(code);
  }
}

const machine = {
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
};
const docs = join(root, "docs");
const target = join(docs, "results", "compare");
for (const folder of ["results", "pictures"]) mkdirSync(join(docs, folder), { recursive: true });
const folders = finished(from ?? runs);
if (folders.length === 0) {
  console.error(
    `${from ?? runs}: expected the folder of a finished comparison, or one with such folders in it`,
  );
  process.exit(2);
}
/** Of each comparison the latest; those that were not run now stay. */
const records = new Map(read(`${target}.json`).map((record) => [record.name, record]));
for (const { folder, summary } of folders) {
  const name = basename(folder);
  if (!NAMES.includes(name)) {
    console.error(`${folder}: left out, since it is none of ${NAMES.join(", ")}`);
    continue;
  }
  records.set(name, comparisonRecord(name, summary, machine));
  copyFileSync(join(folder, "compare.svg"), join(docs, "pictures", pictureName(name)));
}
const sorted = NAMES.flatMap((name) => records.get(name) ?? []);
writeFileSync(`${target}.json`, `${JSON.stringify(sorted, null, 2)}\n`);
writeFileSync(`${target}.md`, comparisonPage(sorted));
console.log(`Wrote ${target}.json, ${target}.md and ${folders.length} pictures`);

function read(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : [];
}

/** Comparisons with nothing left to do, in the folder itself or in those in it. */
function finished(parent) {
  const inside = existsSync(parent) ? readdirSync(parent).map((name) => join(parent, name)) : [];
  return [parent, ...inside].flatMap((folder) => {
    const path = join(folder, "compare.json");
    if (!existsSync(path)) return [];
    const summary = JSON.parse(readFileSync(path, "utf8"));
    if (!summary.complete) {
      console.error(`${folder}: left out, since some of its runs are still to come`);
      return [];
    }
    return [{ folder, summary }];
  });
}
