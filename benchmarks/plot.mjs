// Draws docs/pictures/growth.svg and docs/pictures/performance.svg from benchmarks/results/latest.json.
//   node benchmarks/plot.mjs
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { root } from "../scripts/lib/steps.mjs";
import { growthPicture } from "./lib/picture-growth.mjs";
import { ratiosPicture } from "./lib/picture-ratios.mjs";
import { readResults } from "./lib/results.mjs";

/**
 * Both pictures, where the results have what they show.
 *
 * @returns {{ name: string, svg: string }[]}
 */
export function pictures(results) {
  return [
    ...(results.growth ? [{ name: "growth.svg", svg: growthPicture(results.growth) }] : []),
    ...(results.rows?.length > 0 ? [{ name: "performance.svg", svg: ratiosPicture(results.rows) }] : []),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  parseArgs(); // there are no options
  const folder = join(root, "docs", "pictures");
  mkdirSync(folder, { recursive: true });
  for (const { name, svg } of pictures(readResults())) {
    writeFileSync(join(folder, name), svg);
    console.log(`Wrote docs/pictures/${name}`);
  }
}
