// npm run bench: install, build, native engine, PyTorch, then both in turn. Options: npm run bench -- --help
import { readOptions, UsageError, usage } from "../benchmarks/lib/options.mjs";
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
if (!(await installEngine())) {
  console.error(
    "The bench compares native engines: it needs the native engine, and the reason why there is none is above.",
  );
  process.exit(1);
}
// Only now: it imports what was just installed and built.
const { main } = await import("../benchmarks/run.mjs");
try {
  await main(options);
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

function read() {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\nnpm run bench -- --help lists the options.`);
    process.exit(2);
  }
}
