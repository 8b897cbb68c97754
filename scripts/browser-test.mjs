// npm run browser-test: the packages as they are published, in headless Chromium. Vite bundles their own tests, which run on
// backends of tfjs; then the pages of the guides must give what Node computes. Run after the build.
// Arguments: runs (wasm, webgl, cpu, webgl16), and --files PATTERN for some files' tests alone.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { bundleTests } from "../browser/bundle-tests.mjs";
import { bundleGuide, checkGuide } from "../browser/guide.mjs";
import { checkOnnxPage, libraries, writeOnnxPage } from "../browser/onnx-page.mjs";
import { runTests } from "../browser/run-tests.mjs";
import { readArguments } from "./lib/arguments.mjs";
import { chromiumArguments, findChromium, howToInstall, installChromium } from "./lib/chromium.mjs";
import { installInterop } from "./lib/prepare.mjs";
import { serveFolders } from "./lib/static-server.mjs";
import { root, startStep } from "./lib/steps.mjs";

/** Wasm has all tests; the others, which are slow here, those that compute with tensors, most by reference values. */
const numeric = "fixtures|/ops/|pinned|gmml|sit\\.test";
const runs = {
  wasm: { backend: "wasm", files: "packages/" },
  webgl: { backend: "webgl", files: numeric },
  cpu: { backend: "cpu", files: numeric },
  webgl16: { backend: "webgl", files: "half-precision", tfjsflags: "WEBGL_RENDER_FLOAT32_ENABLED:false" },
};
/** Where tfjs's .wasm files are served, and where they are. */
const wasm = { "/wasm/": join(root, "node_modules", "@tensorflow", "tfjs-backend-wasm", "dist") };

const { values, positionals } = readArguments({
  options: { files: { type: "string" } },
  allowPositionals: true,
});
const asked = positionals.length > 0 ? positionals : Object.keys(runs);
const unknown = asked.find((name) => !(name in runs));
if (unknown !== undefined) {
  console.error(`run: expected ${Object.keys(runs).join(", ")}, got ${unknown}`);
  process.exit(1);
}
if (findChromium() === undefined && process.env.CI) installChromium();
const executablePath = findChromium();
if (executablePath === undefined) {
  console.error(howToInstall);
  process.exit(1);
}

const counts = { passed: 0, failed: 0, skipped: 0 };
const browser = await chromium.launch({ executablePath, args: chromiumArguments });
const scratch = mkdtempSync(join(tmpdir(), "sitjs-browser-"));
try {
  await packagesTests(join(scratch, "tests"));
  if (values.files === undefined) {
    await guidePages(join(scratch, "guide"));
    await onnxPage(join(scratch, "onnx"));
  }
} finally {
  await browser.close();
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped in the browser`);
process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);

async function packagesTests(folder) {
  const bundling = startStep("Bundling the packages and their tests (vite)");
  await bundleTests(folder);
  bundling.done("bundled");
  const running = startStep(`Running them in Chromium ${browser.version()} on ${asked.join(", ")}`);
  // With threads, where the guide's pages are without.
  await served({ "/": folder, ...wasm }, { isolated: true }, async (url) => {
    const results = await Promise.all(
      asked.map((name) => runTests(browser, url, name, { ...runs[name], ...values })),
    );
    for (const result of results) for (const key of Object.keys(counts)) counts[key] += result[key];
  });
  running.done(`${counts.passed} passed, ${counts.failed} failed`);
}

async function guidePages(folder) {
  const names = asked.filter((name) => name === "wasm" || name === "webgl");
  if (names.length === 0) return;
  const step = startStep("The page of docs/guide/browser.md");
  await bundleGuide(folder, names);
  await served({ "/": folder, ...wasm }, {}, async (url) => {
    for (const backend of names) await check(backend, () => checkGuide(browser, url, backend));
  });
  step.done("compared with Node");
}

async function onnxPage(folder) {
  if (!(await installInterop())) return;
  const step = startStep("The page of docs/guide/onnx.md, in transformers.js");
  await writeOnnxPage(folder);
  await served({ "/": folder, ...libraries }, {}, (url) =>
    check("onnxruntime", () => checkOnnxPage(browser, url, folder)),
  );
  step.done("compared with Node");
}

/** Counts one comparison, and says what came of it. */
async function check(name, work) {
  try {
    console.log(`  ${await work()}`);
    counts.passed++;
  } catch (error) {
    counts.failed++;
    console.log(`  ${name} FAILED: ${error.message}`);
  }
}

async function served(folders, options, work) {
  const server = await serveFolders(folders, options);
  await work(server.url).finally(() => server.close());
}
