// node scripts/docs-links.mjs: the addresses elsewhere that the built docs site names, each with its pages, to be followed by
// somebody with a network. npm run docs has checked that each is an address. Addresses of the repository itself are those of
// files that were looked for when the site was built: --all lists them too.
import { readArguments } from "./lib/arguments.mjs";
import { siteFolder } from "./lib/site.mjs";
import { checkSite } from "./lib/site-links.mjs";

const { values: options } = readArguments({ options: { all: { type: "boolean", default: false } } });
const { external } = checkSite(siteFolder, process.env.SITJS_DOCS_BASE);
const listed = [...external]
  .filter(([address]) => options.all || !address.startsWith("https://github.com/sitjs/sitjs"))
  .sort(([a], [b]) => a.localeCompare(b));
for (const [address, pages] of listed) console.log(`${address}\n    ${pages.join(", ")}`);
console.log(`${listed.length} addresses`);
