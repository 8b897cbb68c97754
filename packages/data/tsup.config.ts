import { defineConfig } from "tsup";
import { base } from "../../tsup.base.js";

// The worker is a file of its own: the loader starts it by its URL beside index.js.
export default defineConfig({ ...base, entry: { index: "src/index.ts", worker: "src/worker.ts" } });
