// npm run docs:look: every page of the built docs site in Chromium, at the width of a desk and of a phone, as PNG files to be
// looked at, and what can be checked without eyes: no page scrolls sideways, every picture is there, nothing is reported on
// the console. Run after npm run docs.
//   --check        no PNG files
//   --only a,b     pages whose path begins so: --only start,methods/
//   --dark         in the dark appearance
//   --out FOLDER   default runs/docs-look
import { mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { chromium } from "playwright-core";
import { readArguments } from "./lib/arguments.mjs";
import { findChromium, howToInstall } from "./lib/chromium.mjs";
import { pageProblems } from "./lib/page-problems.mjs";
import { serveSite, sitePages } from "./lib/site.mjs";
import { checkNode, duration, root } from "./lib/steps.mjs";

/** In CSS pixels: what a laptop and what a phone shows. */
const sizes = [
  { name: "desk", width: 1280, height: 800 },
  { name: "phone", width: 390, height: 844 },
];

checkNode();
const { values: options } = readArguments({
  options: {
    check: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    dark: { type: "boolean", default: false },
    out: { type: "string", default: join(root, "runs", "docs-look") },
  },
});
const executablePath = findChromium();
if (executablePath === undefined) {
  console.error(howToInstall);
  process.exit(1);
}
const start = performance.now();
const pages = sitePages().filter((path) => options.only.split(",").some((begin) => path.startsWith(begin)));
if (pages.length === 0) {
  console.error(`--only ${options.only}: expected the beginning of a page's path, such as guide/; none fits`);
  process.exit(1);
}

if (!options.check) mkdirSync(options.out, { recursive: true });
const site = await serveSite();
const browser = await chromium.launch({ executablePath, args: ["--disable-gpu", "--disable-quic"] });
const problems = [];
try {
  const context = await browser.newContext({
    colorScheme: options.dark ? "dark" : "light",
    reducedMotion: "reduce",
  });
  const tab = await context.newPage();
  let path = "";
  tab.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(`${path}: ${message.text()}`);
  });
  tab.on("pageerror", (error) => problems.push(`${path}: ${error.message}`));
  for (const [i, page] of pages.entries()) {
    path = page;
    problems.push(...(await look(tab, path)));
    if ((i + 1) % 20 === 0) console.log(`${i + 1} of ${pages.length} pages`);
  }
} finally {
  await browser.close();
  await site.close();
}
for (const problem of problems) console.error(problem);
const written = options.check ? "" : `, ${relative(process.cwd(), options.out)}`;
console.log(
  `${pages.length} pages at ${sizes.map(({ width }) => width).join(" and ")} pixels: ` +
    `${problems.length} problems (${duration(performance.now() - start)}${written})`,
);
process.exit(problems.length === 0 ? 0 : 1);

/** Opens the page once, measures and photographs it at each width, and returns what is wrong with it. */
async function look(tab, path) {
  const found = [];
  await tab.setViewportSize(sizes[0]);
  await tab.goto(site.url + path, { waitUntil: "load" });
  // What Vue says of the page comes when it has taken it over.
  await tab.waitForFunction(() => "__vue_app__" in (document.querySelector("#app") ?? {}));
  for (const { name, width, height } of sizes) {
    await tab.setViewportSize({ width, height });
    for (const problem of await tab.evaluate(pageProblems))
      found.push(`${path} at ${width} pixels: ${problem}`);
    if (options.check) continue;
    const file = `${path.slice(0, -".html".length).replaceAll("/", "_")}-${name}${options.dark ? "-dark" : ""}.png`;
    await tab.screenshot({ path: join(options.out, file), fullPage: true, animations: "disabled" });
  }
  return found;
}
