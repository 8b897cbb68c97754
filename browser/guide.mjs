// The page of docs/guide/browser.md, made of its text: it must give the probabilities that Node computes.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";
import { readSnippets } from "../scripts/lib/snippets.mjs";
import { root } from "../scripts/lib/steps.mjs";
import { modelFolder, picture, probabilitiesInNode, requireSame } from "./node-model.mjs";
import { openPage } from "./open-page.mjs";

const guide = join(root, "docs", "guide", "browser.md");
/** The page shows four digits. */
const tolerance = 1e-4;

/**
 * Builds the guide's page for each backend as `BACKEND.html` in the folder, and lays model and picture beside them.
 * @param {string} folder
 * @param {readonly string[]} backends
 */
export async function bundleGuide(folder, backends) {
  const [page] = readSnippets(readFileSync(guide, "utf8"));
  const asked = 'tf.setBackend("wasm")';
  if (!page?.code.includes(asked)) throw new Error(`${guide}: expected ${asked} in its first ts block`);
  // Inside the repository, where the packages are found.
  const sources = join(root, "dist", "browser-guide");
  rmSync(sources, { recursive: true, force: true });
  mkdirSync(sources, { recursive: true });
  for (const backend of backends) {
    const code = page.code.replace(asked, `tf.setBackend("${backend}")`);
    const script = `<script type="module" src="./${backend}.ts"></script>`;
    writeFileSync(join(sources, `${backend}.ts`), code);
    writeFileSync(join(sources, `${backend}.html`), `<!doctype html><meta charset="utf-8"><body>${script}`);
  }
  await build({
    root: sources,
    configFile: false,
    logLevel: "warn",
    build: {
      outDir: folder,
      emptyOutDir: true,
      target: "es2022",
      chunkSizeWarningLimit: Number.POSITIVE_INFINITY,
      rolldownOptions: { input: backends.map((backend) => join(sources, `${backend}.html`)) },
    },
  });
  cpSync(modelFolder, join(folder, "model"), { recursive: true });
  cpSync(picture, join(folder, "picture.png"));
}

/**
 * Opens the guide's page at an address and holds what it shows against Node.
 * @param {import("playwright-core").Browser} browser
 * @param {string} address of the folder of `bundleGuide`
 * @param {string} backend
 * @returns {Promise<string>} what it shows
 */
export async function checkGuide(browser, address, backend) {
  const text = await openPage(browser, `${address}/${backend}.html`, async (page) => {
    await page.waitForFunction(() => document.body.textContent.includes(":"));
    return await page.evaluate(() => document.body.textContent);
  });
  const [shown, scores] = text.split(/: (.*)/);
  if (shown !== backend) throw new Error(`expected the backend ${backend}, got ${text}`);
  const pairs = scores.split(", ").map((each) => each.split(": "));
  const found = Object.fromEntries(pairs.map(([label, score]) => [label, Number(score)]));
  requireSame(found, await probabilitiesInNode(picture), tolerance);
  return text;
}
