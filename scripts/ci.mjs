// .ci/run: the tests, then every check; a failure hides nothing that follows. Ends with what failed and why, a summary,
// and "N passed, N failed".
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { findChromium } from "./lib/chromium.mjs";
import { checkNode, duration, root, runNode, startStep, toolScript } from "./lib/steps.mjs";
import { countTests, describeFailures } from "./lib/vitest-results.mjs";

checkNode();
const start = performance.now();
const counts = { passed: 0, failed: 0 };
const lines = [];
/** Why what failed has failed, to be said again at the end. */
const reasons = [];

function record(name, result, milliseconds) {
  counts.passed += result.passed;
  counts.failed += result.failed;
  const verdict = result.failed === 0 ? "passed" : "FAILED";
  lines.push(`${verdict}  ${name}${result.detail ? ` (${result.detail})` : ""}, ${duration(milliseconds)}`);
}

async function tests() {
  const began = performance.now();
  const folder = mkdtempSync(join(tmpdir(), "sitjs-ci-"));
  const file = join(folder, "vitest.json");
  const { code, output } = await runNode(
    join(root, "scripts", "test.mjs"),
    ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`],
    { copied: true },
  );
  const report = readResults(file);
  const result = countTests(report, code);
  record("npm test", result, performance.now() - began);
  const failures = describeFailures(report, root);
  if (failures.length > 0) reasons.push(...failures);
  else if (result.failed > 0) reasons.push(`npm test\n${lastLines(output)}`);
  rmSync(folder, { recursive: true, force: true });
}

/** Vitest's JSON report, or undefined where it did not come to write one (install or build failed). */
function readResults(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** The last lines of what a step has printed, indented. */
function lastLines(output, count = 20) {
  const lines = stripVTControlCharacters(output).trimEnd().split("\n").slice(-count);
  return lines.map((line) => `    ${line.trimEnd()}`).join("\n");
}

async function check(name, script, args) {
  const step = startStep(name);
  const began = performance.now();
  let code;
  let output = "";
  try {
    // Tools are looked up only now: where the install failed, each check says so instead of all stopping.
    ({ code, output } = await runNode(script(), args, { copied: true }));
  } catch (error) {
    output = error instanceof Error ? error.message : String(error);
    console.error(output);
    code = 1;
  }
  const ok = code === 0;
  step.done(ok ? "passed" : `FAILED with exit code ${code}`);
  if (!ok) reasons.push(`${name}\n${lastLines(output)}`);
  record(name, { passed: ok ? 1 : 0, failed: ok ? 0 : 1 }, performance.now() - began);
}

const own = (file) => () => join(root, "scripts", file);
const turbo = () => toolScript("turbo");

await tests();
await check("native engine without a compiler", own("platform-check.mjs"), []);
await check("types", turbo, ["run", "typecheck", "--continue", "--output-logs=errors-only"]);
await check("types of the scripts and benchmarks", () => toolScript("typescript", "tsc"), ["-p", "scripts"]);
await check("types of the examples", () => toolScript("typescript", "tsc"), ["-p", "examples"]);
await check("lint and format", () => toolScript("@biomejs/biome", "biome"), [
  "ci",
  "--error-on-warnings",
  ".",
]);
await check("import rule", own("check-imports.mjs"), []);
await check("browser bundle", own("check-browser.mjs"), []);
await check("tests in a browser", own("browser-test.mjs"), []);
await check("package checks", turbo, ["run", "package-check", "--continue", "--output-logs=errors-only"]);
await check("budget", own("budget.mjs"), []);
await check("snippets", own("check-snippets.mjs"), []);
await check("consumers", own("consumers.mjs"), []);
await check("docs site", own("docs.mjs"), []);
if (findChromium() === undefined) lines.push("skipped  docs pages in a browser (there is no Chromium)");
else await check("docs pages in a browser", own("docs-look.mjs"), ["--check"]);
await check("changesets", own("check-changesets.mjs"), []);

if (reasons.length > 0) console.log(`\n${reasons.map((reason) => `FAILED  ${reason}`).join("\n\n")}`);
console.log(`\n${lines.join("\n")}\nall in ${duration(performance.now() - start)}`);
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 ? 0 : 1);
