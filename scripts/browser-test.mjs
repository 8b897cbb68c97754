// npm run browser-test: the packages as they are published, in headless Chromium, on several backends of tfjs. Vite bundles
// their own tests, and these say what must hold there. Arguments: backends (wasm, webgl, cpu), and --files PATTERN for
// the tests of some files alone. Run after the build.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { bundlePage } from "../browser/bundle.mjs";
import { chromiumArguments, findChromium, howToInstall, installChromium } from "./lib/chromium.mjs";
import { serveFolders } from "./lib/static-server.mjs";
import { root, startStep } from "./lib/steps.mjs";

/** What each backend runs: all on wasm; what computes with tensors, by reference values, on those that are slow here. */
const everything = "";
const numeric = "fixtures|/ops/|pinned|gmml|sit\\.test";
const backends = { wasm: everything, webgl: numeric, cpu: numeric };

const { values, positionals } = parseArgs({
  options: { files: { type: "string" } },
  allowPositionals: true,
});
const asked = positionals.length > 0 ? positionals : Object.keys(backends);
const unknown = asked.find((name) => !(name in backends));
if (unknown !== undefined) {
  console.error(`backend: expected ${Object.keys(backends).join(", ")}, got ${unknown}`);
  process.exit(1);
}

if (findChromium() === undefined && process.env.CI) installChromium();
const executablePath = findChromium();
if (executablePath === undefined) {
  console.error(howToInstall);
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), "sitjs-browser-"));
const counts = { passed: 0, failed: 0, skipped: 0 };
try {
  const step = startStep("Bundling the packages and their tests (vite)");
  await bundlePage(folder);
  step.done("bundled");
  const server = await serveFolders({
    "/": folder,
    "/wasm/": join(root, "node_modules", "@tensorflow", "tfjs-backend-wasm", "dist"),
  });
  const browser = await chromium.launch({ executablePath, args: chromiumArguments });
  try {
    for (const backend of asked) await runTests(browser, server.url, backend);
  } finally {
    await browser.close();
    await server.close();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped in the browser`);
process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);

/** Opens the page and waits until its last test has ended; says what failed as it comes. */
async function runTests(browser, url, backend) {
  const step = startStep(`Chromium ${browser.version()}, ${backend}`);
  const own = { passed: 0, failed: 0, skipped: 0 };
  const page = await browser.newPage();
  let broken;
  const failing = new Promise((_, reject) => {
    page.on("pageerror", reject);
    page.on("crash", () => reject(new Error("the page crashed")));
  });
  await page.exposeFunction("sitjsReport", ({ file, passed, skipped, failed }) => {
    own.passed += passed;
    own.skipped += skipped;
    own.failed += failed.length;
    const counted = `${passed} passed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
    console.log(`  ${file}: ${counted}${failed.length > 0 ? `, ${failed.length} FAILED` : ""}`);
    for (const reason of failed) console.error(`    ${reason.replaceAll("\n", "\n    ")}`);
  });
  try {
    const query = new URLSearchParams({ backend, files: values.files ?? backends[backend] });
    await page.goto(`${url}/?${query}`);
    const done = page.waitForFunction(() => globalThis.sitjsDone === true, undefined, { timeout: 300_000 });
    await Promise.race([done, failing]);
  } catch (error) {
    broken = error;
    own.failed++;
    console.error(`  ${error.message}`);
  }
  await page.close();
  for (const key of Object.keys(counts)) counts[key] += own[key];
  step.done(`${own.passed} passed, ${own.failed} failed, ${own.skipped} skipped${broken ? ", broken off" : ""}`);
}
