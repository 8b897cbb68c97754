// The import rule of .dependency-cruiser.cjs on every package, the app and the examples.
import { runNode, toolScript } from "./lib/steps.mjs";

const { code } = await runNode(toolScript("dependency-cruiser", "depcruise"), [
  "--config",
  ".dependency-cruiser.cjs",
  "packages",
  "apps",
  "examples",
]);
process.exit(code);
