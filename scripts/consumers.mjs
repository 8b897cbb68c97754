// npm run consumers: the packages as npm would publish them, in empty projects on several versions of Node: every entry by
// import and by require, every README's examples compiled and run, and the command line. Run after the build; needs the
// npm registry or what is in npm's cache. One line of Node alone: npm run consumers -- 22
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fashionMnist } from "@sitjs/data";
import { writeImages } from "../reliability/lib/images.mjs";
import { checkCommandLine } from "./lib/consumer/command-line.mjs";
import { checkEntries } from "./lib/consumer/entries.mjs";
import { compileExamples, runExamples, writeExamples } from "./lib/consumer/examples.mjs";
import { findNode, nodeVersions } from "./lib/consumer/nodes.mjs";
import { installProject } from "./lib/consumer/project.mjs";
import { publishedEntries } from "./lib/entries.mjs";
import { packAll } from "./lib/pack.mjs";
import { startStep } from "./lib/steps.mjs";

/** @typedef {import("./lib/consumer/examples.mjs").Example} Example */

const say = (line) => console.log(`  ${line}`);
const wanted = process.argv.slice(2);
const versions = nodeVersions.filter(
  (version) => wanted.length === 0 || wanted.includes(version.split(".")[0]),
);
if (versions.length < wanted.length) {
  console.error(`consumers: expected lines of Node among ${nodeVersions}, as 22; got ${wanted.join(" ")}`);
  process.exit(2);
}

/** Images that the examples and the command line read. */
const IMAGES = 32;
const problems = [];
const folder = mkdtempSync(join(tmpdir(), "sitjs-consumers-"));
try {
  const packing = startStep("Packing the packages");
  const tarballs = await packAll(join(folder, "tarballs"));
  packing.done(`${tarballs.length} tarballs`);
  const photos = join(folder, "photos");
  // Fetched first, where it is not in the cache: so that there are real images to write.
  await fashionMnist({ split: "test", onNotice: () => undefined });
  const kind = await writeImages(photos, IMAGES, { classes: true });
  say(`${IMAGES} images: ${kind}`);

  const tried = [];
  /** @type {{ examples: Example[], built: string } | undefined} */
  let compiled;
  for (const version of versions) {
    const step = startStep(`Node ${version}`);
    const node = await findNode(version);
    if (node === undefined) {
      step.done("SKIPPED: it cannot be had here");
      continue;
    }
    const project = join(folder, `node-${version}`);
    const found = await installAndLoad(project, { tarballs, node });
    if (compiled === undefined) {
      const { problems: wrong, ...rest } = await compile(project, tarballs);
      compiled = rest;
      found.push(...wrong);
    } else cpSync(compiled.built, join(project, "built"), { recursive: true });
    found.push(...(await runAll(project, { node, photos, examples: compiled.examples })));
    rmSync(join(project, "node_modules"), { recursive: true, force: true });
    problems.push(...found.map((problem) => `Node ${version}: ${problem}`));
    tried.push(version);
    step.done(found.length === 0 ? "no problems" : `${found.length} problems`);
  }
  const missing = versions.filter((version) => !tried.includes(version));
  const needed = process.env.CI && process.platform === "linux" && process.arch === "x64";
  if (missing.length > 0 && (needed || tried.length === 0)) problems.push(`not tried: Node ${missing}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const problem of problems) console.error(`\n${problem}`);
console.log(`\n${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);

async function installAndLoad(project, { tarballs, node }) {
  say("install the tarballs");
  await installProject(project, { tarballs, node });
  const entries = publishedEntries().map(({ name }) => name);
  say(`${entries.length} entries, by import and by require`);
  return await checkEntries(project, entries, { node });
}

/** Once for all Nodes: what runs is the same. */
async function compile(project, tarballs) {
  say("compile the examples, with moduleResolution nodenext and bundler");
  const names = tarballs.map(({ name }) => name);
  const { examples, problems: written } = writeExamples(project, names);
  const complaints = await compileExamples(project, examples);
  return { examples, built: join(project, "built"), problems: [...written, ...complaints] };
}

async function runAll(project, { node, photos, examples }) {
  const running = examples.filter(({ run }) => run);
  say(`run ${running.length} examples; ${examples.length - running.length} are only compiled`);
  const found = await runExamples(project, running, { node, photos });
  say("sit --help, and a short sit pretrain");
  return [...found, ...(await checkCommandLine(project, { node, photos }))];
}
