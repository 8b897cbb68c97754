// npm test: install, build, native engine, then every test. Arguments go to vitest: npm test -- packages/core
import { build, install, installEngine } from "./lib/prepare.mjs";
import { checkNode, runNode, startStep, toolScript } from "./lib/steps.mjs";

checkNode();
await install();
await build();
const native = await installEngine();
const step = startStep(
  `Running the tests on the ${native ? "native and the portable engine" : "portable engine"}`,
);
const { code } = await runNode(toolScript("vitest"), ["run", ...process.argv.slice(2)]);
step.done(code === 0 ? "all tests passed" : "tests failed: see above");
process.exit(code);
