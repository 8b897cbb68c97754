// npm run docs: the docs site with its API reference, into docs/.vitepress/dist. A dead link, to a page or to a file of the
// repository, fails it. npm run docs:dev serves it and follows changes. Neither needs the packages built or a network.
// SITJS_DOCS_BASE=/name/ where the site will not be at the root of its host.
import { join, relative } from "node:path";
import { apiFolder, writeApiPages } from "./lib/api-pages.mjs";
import { checkNode, duration, root, runNode, startStep, toolScript } from "./lib/steps.mjs";

checkNode();
const args = process.argv.slice(2);
const serve = args[0] === "--dev";
const start = performance.now();

const step = startStep("API reference");
const entries = await writeApiPages();
step.done(`${entries.length} entries, ${relative(root, apiFolder)}`);

const [command, ...rest] = serve
  ? ["dev", "docs", "--host", "127.0.0.1", ...args.slice(1)]
  : ["build", "docs", ...args];
const { code } = await runNode(toolScript("vitepress"), [command, ...rest]);
if (code === 0 && !serve) {
  const site = join(root, "docs", ".vitepress", "dist", "index.html");
  console.log(
    `\n${site}\nafter ${duration(performance.now() - start)}; to look at it: npx vitepress preview docs`,
  );
}
process.exit(code);
