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
const tried = [];
/**
 * By the first Node; what runs on the others is the same.
 * @type {{ examples: Example[], built: string } | undefined}
 */
let compiled;
const folder = mkdtempSync(join(tmpdir(), "sitjs-consumers-"));
try {
  const packing = startStep("Packing the packages");
  const tarballs = await packAll(join(folder, "tarballs"));
  packing.done(`${tarballs.length} tarballs`);
  const photos = join(folder, "photos");
  // Fetched first, where it is not in the cache: so that there are real images to write.
  await fashionMnist({ split: "test", onNotice: () => undefined });
  say(`${IMAGES} images: ${await writeImages(photos, IMAGES, { classes: true })}`);

  for (const version of versions) {
    const step = startStep(`Node ${version}`);
    const node = await findNode(version);
    if (node === undefined) {
      step.done("SKIPPED: it cannot be had here");
      continue;
    }
    tried.push(version);
    const project = join(folder, `node-${version}`);
    const found = await tryNode(project, { node, tarballs, photos }).catch((error) => [String(error)]);
    problems.push(...found.map((problem) => `Node ${version}: ${problem}`));
    rmSync(join(project, "node_modules"), { recursive: true, force: true });
    step.done(found.length === 0 ? "no problems" : `${found.length} problems`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const missing = versions.filter((version) => !tried.includes(version));
const needed = process.env.CI && process.platform === "linux" && process.arch === "x64";
if (missing.length > 0 && (needed || tried.length === 0)) problems.push(`not tried: Node ${missing}`);
for (const problem of problems) console.error(`\n${problem}`);
console.log(`\n${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);

/** @returns {Promise<string[]>} what is wrong with the packages on this Node */
async function tryNode(project, { node, tarballs, photos }) {
  say("install the tarballs");
  await installProject(project, { tarballs, node });

  const entries = publishedEntries().map(({ name }) => name);
  say(`${entries.length} entries, by import and by require`);
  const found = await checkEntries(project, entries, { node });

  if (compiled === undefined) {
    say("compile the examples, with moduleResolution nodenext and bundler");
    const names = tarballs.map(({ name }) => name);
    const written = writeExamples(project, names);
    found.push(...written.problems, ...(await compileExamples(project, written.examples)));
    compiled = { examples: written.examples, built: join(project, "built") };
  } else cpSync(compiled.built, join(project, "built"), { recursive: true });

  const running = compiled.examples.filter(({ run }) => run);
  say(`run ${running.length} examples; ${compiled.examples.length - running.length} are only compiled`);
  found.push(...(await runExamples(project, running, { node, photos })));

  say("sit --help, and a short sit pretrain");
  found.push(...(await checkCommandLine(project, { node, photos })));
  return found;
}
