// npm test: install, build, native engine, then every test. Arguments go to vitest: npm test -- packages/core
import { build, install, installEngine, installInterop } from "./lib/prepare.mjs";
import { checkNode, runNode, startStep, toolScript } from "./lib/steps.mjs";

checkNode();
const args = process.argv.slice(2);
await install();
if (wantsInterop(args)) await installInterop();
await build();
const native = await installEngine();
const step = startStep(
  `Running the tests on the ${native ? "native and the portable engine" : "portable engine"}`,
);
const { code } = await runNode(toolScript("vitest"), ["run", ...args]);
step.done(code === 0 ? "all tests passed" : "tests failed: see above");
process.exit(code);

/** Tests of all packages, or of those that write ONNX files. */
function wantsInterop(args) {
  const places = args.filter((arg) => !arg.startsWith("-"));
  return places.length === 0 || places.some((place) => /onnx|apps/.test(place));
}
