// npm run demo: install, build, native engine, then `sit demo`. Arguments go to it: npm run demo -- --help
// One that was stopped is gone on with: npm run demo -- --overwrite begins anew.
import { demoArgs } from "./lib/demo-args.mjs";
import { build, cli, install, installEngine } from "./lib/prepare.mjs";
import { checkNode, runNode } from "./lib/steps.mjs";

checkNode();
await install();
await build();
const given = process.argv.slice(2);
const args = demoArgs(given);
// Asking what the options are needs no engine.
if (!args.some((arg) => arg === "--help" || arg === "-h")) await installEngine();
console.log();
if (args.length > given.length) {
  console.log("A demo was stopped here: going on with it; npm run demo -- --overwrite begins anew.");
}
const { code } = await runNode(cli, ["demo", ...args]);
process.exit(code);
