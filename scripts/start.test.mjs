// A start stays quick because heavy libraries are loaded by the work that needs them, not by the import: what each
// published entry imports while it loads. npm run budget holds what that costs.
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { publishedEntries } from "./lib/entries.mjs";
import { loadedModules } from "./lib/loaded-modules.mjs";
import { root } from "./lib/steps.mjs";

/** What the entries may load at once, of others than Node and ours; nothing else. */
const light = {
  "@sitjs/data": ["env-paths"],
  "@sitjs/engine": ["@tensorflow/tfjs", "env-paths"],
  "@sitjs/engine/platform-package": ["env-paths"],
  "@sitjs/eval/report": ["@saehrimnir/druidjs", "fast-png"],
  "@sitjs/onnx": ["@bufbuild/protobuf/wire", "@tensorflow/tfjs"],
  "@sitjs/onnx/node": ["@bufbuild/protobuf/wire", "@tensorflow/tfjs"],
  "@sitjs/hub/node": ["@tensorflow/tfjs", "env-paths"],
  "@sitjs/augment": [],
  "@sitjs/app": [],
  "@sitjs/core/node": [],
  "@sitjs/core/random": [],
  "@sitjs/core/errors": [],
  "@sitjs/core/json": [],
};

/** The libraries that a source file imports while it loads, by itself or through files of its own package. */
async function librariesOf(source) {
  const { imports } = await loadedModules(source);
  return imports.filter((path) => !path.startsWith("node:") && !path.startsWith("@sitjs/"));
}

describe("what an import loads", () => {
  it.each(publishedEntries())("$name: light libraries only", async ({ name, source }) => {
    const allowed = light[name] ?? ["@tensorflow/tfjs"];
    expect(allowed).toEqual(expect.arrayContaining(await librariesOf(source)));
  });

  it("the command line loads its parser, and commands when they run", async () => {
    const { imports } = await loadedModules(join(root, "apps", "sit", "src", "cli.ts"));
    expect(imports.filter((path) => !path.startsWith("node:"))).toEqual(["@sitjs/core/errors", "commander"]);
  });

  it("is seen where a heavy one is imported at the top", async () => {
    const heavy = await librariesOf(join(root, "packages", "eval", "src", "report", "page.ts"));
    expect(heavy).toEqual(expect.arrayContaining(["@observablehq/plot", "linkedom"]));
  });
});
