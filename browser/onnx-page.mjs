// The page of docs/guide/onnx.md, with our ONNX folder in transformers.js: it must give the probabilities that Node computes.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromPretrained } from "@sitjs/hub/node";
import { exportOnnxFolder } from "@sitjs/onnx/node";
import sharp from "sharp";
import { root } from "../scripts/lib/steps.mjs";
import { modelFolder, picture, probabilitiesInNode, requireSame } from "./node-model.mjs";
import { openPage } from "./open-page.mjs";

const guide = join(root, "docs", "guide", "onnx.md");
const installed = join(root, "interop", "node_modules");
/** Float32 sums in another order. */
const tolerance = 1e-5;

/** What is served beside the page: the library and its engine, which the guide's page takes from a CDN. */
export const libraries = {
  "/transformers/": join(installed, "@huggingface", "transformers", "dist"),
  "/onnxruntime/": join(installed, "onnxruntime-web", "dist"),
};

/**
 * Writes the guide's page, the ONNX folder and a picture of the network's size.
 * @param {string} folder
 */
export async function writeOnnxPage(folder) {
  const [, html = ""] = /```html\n([\s\S]*?)```/.exec(readFileSync(guide, "utf8")) ?? [];
  const fromCdn = /"https:\/\/cdn\.jsdelivr\.net\/npm\/@huggingface\/transformers@\d+";/;
  if (!fromCdn.test(html))
    throw new Error(`${guide}: expected a page that imports transformers.js from a CDN`);
  const local = '"/transformers/transformers.min.js";\nenv.backends.onnx.wasm.wasmPaths = "/onnxruntime/";';
  const model = await fromPretrained(modelFolder);
  const { config, preprocessing, params, head } = model;
  await exportOnnxFolder(join(folder, "models", "clothes"), {
    backbone: config.backbone,
    params,
    head: { options: { kind: "linear", classes: config.labels.length }, params: head.params },
    classes: config.labels,
    mean: preprocessing.mean,
    deviation: preprocessing.std,
  });
  model.dispose();
  const { size } = preprocessing;
  mkdirSync(join(folder, "pictures"));
  await sharp(picture)
    .removeAlpha()
    .resize(size, size)
    .png()
    .toFile(join(folder, "pictures", "boot.png"));
  writeFileSync(
    join(folder, "index.html"),
    `<!doctype html><meta charset="utf-8">${html.replace(fromCdn, local)}`,
  );
}

/**
 * Opens the page and holds what it logs against Node.
 * @param {import("playwright-core").Browser} browser
 * @param {string} address of the folder of `writeOnnxPage`
 * @param {string} folder
 * @returns {Promise<string>} what it logs
 */
export async function checkOnnxPage(browser, address, folder) {
  let logged;
  const scores = await openPage(
    browser,
    address,
    async () => (await logged).args()[0].jsonValue(),
    async (page) => {
      logged = page.waitForEvent("console", (message) => message.type() === "log");
    },
  );
  const found = Object.fromEntries(scores.map(({ label, score }) => [label, score]));
  requireSame(found, await probabilitiesInNode(join(folder, "pictures", "boot.png")), tolerance);
  return scores.map(({ label, score }) => `${label}: ${score.toFixed(4)}`).join(", ");
}
