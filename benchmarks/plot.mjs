// Draws growth.svg and performance.svg of docs/pictures from benchmarks/results/latest.json, and precision.svg from
// precision.json beside it.
//   node benchmarks/plot.mjs
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../scripts/lib/steps.mjs";
import { latestResults } from "./lib/latest.mjs";
import { runAsProgram } from "./lib/main.mjs";
import { growthPicture } from "./lib/picture-growth.mjs";
import { precisionPicture } from "./lib/picture-precision.mjs";
import { ratiosPicture } from "./lib/picture-ratios.mjs";

export const picturesFolder = join(root, "docs", "pictures");

/**
 * The pictures that the results have the numbers for.
 *
 * @param {any} results
 * @returns {{ name: string, svg: string }[]}
 */
export function pictures({ growth, rows, precision }) {
  return [
    ...(growth ? [{ name: "growth.svg", svg: growthPicture(growth) }] : []),
    ...(rows?.length > 0 ? [{ name: "performance.svg", svg: ratiosPicture(rows) }] : []),
    ...(precision ? [{ name: "precision.svg", svg: precisionPicture(precision) }] : []),
  ];
}

/** Draws them into docs/pictures. */
export function writePictures(results) {
  mkdirSync(picturesFolder, { recursive: true });
  for (const { name, svg } of pictures(results)) {
    writeFileSync(join(picturesFolder, name), svg);
    console.log(`Wrote docs/pictures/${name}`);
  }
}

await runAsProgram(import.meta.url, () => {
  parseArgs(); // there are no options
  writePictures(latestResults());
});
