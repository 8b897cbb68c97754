// npm run docs: the docs site with its API reference, into docs/.vitepress/dist. A dead link, to a page, an anchor or a file of
// the repository, fails it. npm run docs:dev serves it and follows changes; npm run docs:preview serves what was built.
// None needs the packages built or a network. SITJS_DOCS_BASE=/name/ where the site will not be at the root of its host.
import { join, relative } from "node:path";
import { apiFolder, writeApiPages } from "./lib/api-pages.mjs";
import { serveSite, siteFolder, sitePages } from "./lib/site.mjs";
import { checkSite } from "./lib/site-links.mjs";
import { checkNode, duration, root, runNode, startStep, toolScript } from "./lib/steps.mjs";

checkNode();
const [mode, ...args] = ["--dev", "--preview"].includes(process.argv[2])
  ? process.argv.slice(2)
  : ["--build", ...process.argv.slice(2)];
if (mode === "--preview") await preview();
else process.exitCode = mode === "--dev" ? await serve() : await build();

/** Until it is stopped. */
async function preview() {
  sitePages(); // refuses where nothing has been built
  const { url } = await serveSite();
  console.log(`${url} (Ctrl-C ends it)`);
}

async function serve() {
  await writeApi();
  const { code } = await vitepress(["dev", "docs", "--host", "127.0.0.1", ...args]);
  return code;
}

async function build() {
  const start = performance.now();
  await writeApi();
  const { code } = await vitepress(["build", "docs", ...args]);
  if (code !== 0) return code;
  const step = startStep("links and headings of the site");
  const { problems, links } = checkSite(siteFolder, process.env.SITJS_DOCS_BASE);
  step.done(`${links} links, ${problems.length} problems`);
  for (const problem of problems) console.error(`  ${problem}`);
  if (problems.length > 0) return 1;
  console.log(
    `\n${join(siteFolder, "index.html")}\nafter ${duration(performance.now() - start)}; to look at it: npm run docs:preview`,
  );
  return 0;
}

async function writeApi() {
  const step = startStep("API reference");
  const entries = await writeApiPages();
  step.done(`${entries.length} entries, ${relative(root, apiFolder)}`);
}

function vitepress(command) {
  return runNode(toolScript("vitepress"), command);
}
