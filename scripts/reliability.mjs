// npm run reliability: install, build, native engine, then what proves docs/reliability.md. Options: npm run reliability -- --help
import { UsageError } from "../benchmarks/lib/options.mjs";
import { readOptions, usage } from "../reliability/lib/options.mjs";
import { build, install, installEngine } from "./lib/prepare.mjs";
import { checkNode } from "./lib/steps.mjs";

checkNode();
const options = read();
if (options.help) {
  console.log(usage);
  process.exit(0);
}
await install();
await build();
await installEngine();
// Only now: it imports what was just installed and built.
const { main } = await import("../reliability/run.mjs");
try {
  process.exit((await main(options)) ? 0 : 1);
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

function read() {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\nnpm run reliability -- --help lists the options.`);
    process.exit(2);
  }
}
