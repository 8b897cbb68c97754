import { defineConfig } from "tsup";
import { base } from "../../tsup.base.js";

// The command line is split, so that `sit --help` loads neither tfjs nor sharp.
export default defineConfig({ ...base, entry: ["src/index.ts", "src/cli.ts"] });
