// npm run demo: install, build, native engine, then `sit demo`. Arguments go to it: npm run demo -- --help
import { build, cli, install, installEngine } from "./lib/prepare.mjs";
import { checkNode, runNode } from "./lib/steps.mjs";

checkNode();
await install();
await build();
const args = process.argv.slice(2);
// Asking what the options are needs no engine.
if (!args.some((arg) => arg === "--help" || arg === "-h")) await installEngine();
console.log();
const { code } = await runNode(cli, ["demo", ...args]);
process.exit(code);
