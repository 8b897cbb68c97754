import { defineConfig } from "tsup";
import { base } from "../../tsup.base.js";

export default defineConfig({
  ...base,
  entry: {
    index: "src/index.ts",
    random: "src/random.ts",
    errors: "src/errors.ts",
    json: "src/json.ts",
    "node/index": "src/node/index.ts",
    "testing/index": "src/testing/index.ts",
  },
});
