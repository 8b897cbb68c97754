// npm run release: publishes every package whose version the registry does not have, and the platform packages.
//   --dry-run           show what would be published, with the waiting changesets applied in a copy; publish nothing
//   --platforms FOLDER  platform packages made on other machines (npm run platform-package), one folder each
//   --tested            the checks of .ci/run have passed for this commit: do not run them again
// A release that was broken off goes on when it is started again. Publishing itself has not been tried.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readArguments } from "./lib/arguments.mjs";
import { build, install } from "./lib/prepare.mjs";
import { checkNode, root, runGit, runNode, runNpm, startStep, toolScript } from "./lib/steps.mjs";

checkNode();
const { values } = readArguments({
  options: {
    "dry-run": { type: "boolean", default: false },
    platforms: { type: "string" },
    tested: { type: "boolean", default: false },
  },
});
const dryRun = values["dry-run"];
await install();
await build();
// Only now: they import what was just installed and built.
const { default: getReleasePlan } = await import("@changesets/get-release-plan");
const { publishAll, stageRelease } = await import("./lib/release.mjs");

const scratch = mkdtempSync(join(tmpdir(), "sitjs-release-"));
try {
  process.exitCode = await release();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** @returns {Promise<number>} the exit code */
async function release() {
  const { changesets } = await getReleasePlan(root);
  const step = startStep("Making the tarballs, in a copy of what is committed");
  const platforms = values.platforms && resolve(values.platforms);
  const { tarballs, missing } = await stageRelease({ scratch, platforms });
  step.done(`${tarballs.length} packages`);
  show(tarballs);

  const checks = [
    await gitCheck(),
    changesetCheck(changesets.length),
    platformCheck(missing),
    await loginCheck(),
  ];
  if (!dryRun && checks.every(({ ok }) => ok)) checks.push(await testCheck());
  console.log("\nChecks");
  for (const { name, ok, detail } of checks) console.log(`  ${ok ? "yes" : "no "}  ${name}: ${detail}`);
  if (dryRun) {
    const tests = values.tested ? "not run, as asked for" : "not run now; a release runs .ci/run first";
    console.log(`  --   tests: ${tests}\n\nNothing was published.`);
    return 0;
  }
  if (!checks.every(({ ok }) => ok)) {
    console.error("\nNothing was published: see what is no above.");
    return 1;
  }
  return await publish(tarballs);
}

function show(tarballs) {
  console.log("\nWould be published, in this order");
  for (const { name, from, version, bytes, unpackedBytes, files } of tarballs) {
    const versions = from === version ? version : `${from} -> ${version}`;
    const size = `${(bytes / 1e3).toFixed(0)} kB packed, ${(unpackedBytes / 1e3).toFixed(0)} kB`;
    console.log(`  ${name.padEnd(28)} ${versions.padEnd(16)} ${size}, ${files.length} files`);
  }
  console.log("\nChangelogs");
  for (const { name, version, changes } of tarballs) {
    const lines = changes.split("\n").filter((line) => !line.startsWith("- Updated dependencies ["));
    if (changes) console.log(`\n${name} ${version}\n${lines.map((line) => `  ${line}`).join("\n")}`);
  }
}

async function gitCheck() {
  const { output } = await runGit(["status", "--porcelain"]);
  const count = output.split("\n").filter(Boolean).length;
  const detail = count === 0 ? "nothing is uncommitted" : `${count} files are not committed, and left out`;
  return { name: "git", ok: count === 0, detail };
}

/** The versions that are published are those of the commit. */
function changesetCheck(count) {
  const detail =
    count === 0 ? "none waits" : `${count} wait; before a release: npx changeset version, look at it, commit`;
  return { name: "changesets", ok: count === 0, detail };
}

function platformCheck(missing) {
  const detail =
    missing.length === 0
      ? "all there"
      : `missing ${missing.join(", ")}: npm run platform-package makes each on its platform, --platforms takes them`;
  return { name: "platform packages", ok: missing.length === 0, detail };
}

async function loginCheck() {
  const { code, output } = await runNpm(["whoami"], { quiet: true });
  const said = output.split("\n").find((line) => line && !/warn/.test(line)) ?? "no answer";
  return { name: "npm login", ok: code === 0, detail: said };
}

async function testCheck() {
  if (values.tested) return { name: "tests", ok: true, detail: "not run, as asked for" };
  const { code } = await runNode(join(root, "scripts", "ci.mjs"));
  return {
    name: "tests",
    ok: code === 0,
    detail: code === 0 ? ".ci/run passed" : ".ci/run failed: see above",
  };
}

async function publish(tarballs) {
  const step = startStep("Publishing");
  // npm can vouch for where a package was built in a workflow that it knows.
  const options = process.env.GITHUB_ACTIONS ? ["--provenance"] : [];
  const npm = async (args) => await runNpm(args, { quiet: true });
  try {
    await publishAll(tarballs, npm, (line) => console.log(`  ${line}`), options);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    step.done("broken off: start it again to go on");
    return 1;
  }
  const { code } = await runNode(toolScript("@changesets/cli", "changeset"), ["tag"]);
  step.done(
    code === 0
      ? "done; git push --follow-tags tells others"
      : "published, but the tags failed: npx changeset tag",
  );
  return code;
}
