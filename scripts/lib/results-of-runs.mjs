// Long runs whose results are kept in docs/results: runs them, then writes page, JSON and pictures from what they left.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { basename, join } from "node:path";
import { build, cli, install, installEngine } from "./prepare.mjs";
import { checkNode, root, runNode } from "./steps.mjs";

/**
 * Runs each of `names` by the command line, in `runs/<script>/<name>`, and writes docs/results/<what>.md and .json. The
 * script's own options: `--only NAME` runs one, `--from FOLDER` none; others go to `sit`.
 *
 * @param {{
 *   script: string,
 *   what: string,
 *   summaryFile: string,
 *   names: string[],
 *   command: (name: string) => string[],
 *   record: (name: string, summary: any, machine: any) => any,
 *   page: (records: any[]) => string,
 *   pictures: (name: string, summary: any) => [from: string, to: string][],
 * }} of
 */
export async function runResults({ script, what, summaryFile, names, command, record, page, pictures }) {
  checkNode();
  const args = process.argv.slice(2);
  const from = taken(args, "--from");
  const only = taken(args, "--only");
  if (only !== undefined && !names.includes(only)) {
    console.error(`--only: expected one of ${names.join(", ")}, got ${only}`);
    process.exit(2);
  }
  const runs = join(root, "runs", script);
  if (from === undefined) {
    await install();
    await build();
    await installEngine();
    for (const name of only === undefined ? names : [only]) {
      const { code } = await runNode(cli, [...command(name), "--out", join(runs, name), ...args]);
      if (code !== 0) process.exit(code);
    }
  }
  const folders = finished(from ?? runs, summaryFile);
  if (folders.length === 0) {
    const expected = `the folder of a finished ${what}, or one with such folders in it`;
    console.error(`${from ?? runs}: expected ${expected}`);
    process.exit(2);
  }
  const docs = join(root, "docs");
  const target = join(docs, "results", what);
  for (const folder of ["results", "pictures"]) mkdirSync(join(docs, folder), { recursive: true });
  /** Of each the latest; those that were not run now stay. */
  const records = new Map(read(`${target}.json`).map((each) => [each.name, each]));
  let copied = 0;
  for (const { folder, summary } of folders) {
    const name = basename(folder);
    if (!names.includes(name)) {
      console.error(`${folder}: left out, since it is none of ${names.join(", ")}`);
      continue;
    }
    records.set(name, record(name, summary, machine()));
    for (const [file, picture] of pictures(name, summary)) {
      copyFileSync(join(folder, file), join(docs, "pictures", picture));
      copied++;
    }
  }
  const sorted = names.flatMap((name) => records.get(name) ?? []);
  writeFileSync(`${target}.json`, `${JSON.stringify(sorted, null, 2)}\n`);
  writeFileSync(`${target}.md`, page(sorted));
  console.log(`Wrote ${target}.json, ${target}.md and ${copied} pictures`);
}

/** Takes an option with its value out of the arguments. */
function taken(args, name) {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args.splice(at, 2)[1];
}

const machine = () => ({
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
});

const read = (path) => (existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : []);

/** Folders with nothing left to do: this one or those in it. */
function finished(parent, summaryFile) {
  const inside = existsSync(parent) ? readdirSync(parent).map((name) => join(parent, name)) : [];
  return [parent, ...inside].flatMap((folder) => {
    const path = join(folder, summaryFile);
    if (!existsSync(path)) return [];
    const summary = JSON.parse(readFileSync(path, "utf8"));
    if (!summary.complete) {
      console.error(`${folder}: left out, since some of its runs are still to come`);
      return [];
    }
    return [{ folder, summary }];
  });
}
