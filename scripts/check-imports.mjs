// The import rule of .dependency-cruiser.cjs on every package and the app.
import { runNode, toolScript } from "./lib/steps.mjs";

const { code } = await runNode(toolScript("dependency-cruiser", "depcruise"), [
  "--config",
  ".dependency-cruiser.cjs",
  "packages",
  "apps",
]);
process.exit(code);
