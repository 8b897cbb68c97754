// A start stays quick because heavy libraries are loaded by the work that needs them, not by the import: what each
// published entry imports while it loads. benchmarks/start.mjs tells what that costs.
import { join, relative } from "node:path";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { publishedEntries } from "./lib/entries.mjs";
import { root } from "./lib/steps.mjs";

/** What the entries may load at once, of others than Node and ours; nothing else. */
const light = {
  "@sitjs/data": ["env-paths"],
  "@sitjs/engine": ["@tensorflow/tfjs", "env-paths"],
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

/** The packages that a source file imports while it loads, by itself or through files of its own package. */
async function importsOf(source, external = (/** @type {string} */ _) => true) {
  const { metafile } = await build({
    entryPoints: [source],
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    packages: "external",
    metafile: true,
    write: false,
    outdir: "out",
    absWorkingDir: root,
    logLevel: "silent",
  });
  const { outputs } = metafile;
  const found = new Set();
  const visited = new Set();
  const visit = (file) => {
    if (visited.has(file)) return;
    visited.add(file);
    for (const { path, kind, external: isExternal } of outputs[file].imports) {
      if (kind !== "import-statement") continue;
      if (!isExternal) visit(path);
      else if (external(path)) found.add(path);
    }
  };
  const entry = relative(root, source).replaceAll("\\", "/");
  visit(Object.keys(outputs).find((file) => outputs[file].entryPoint === entry));
  return [...found].sort();
}

const isForeign = (path) => !path.startsWith("node:") && !path.startsWith("@sitjs/");

describe("what an import loads", () => {
  it.each(publishedEntries())("$name: light libraries only", async ({ name, source }) => {
    const allowed = light[name] ?? ["@tensorflow/tfjs"];
    expect(allowed).toEqual(expect.arrayContaining(await importsOf(source, isForeign)));
  });

  it("the command line loads its parser, and commands when they run", async () => {
    const loaded = await importsOf(join(root, "apps", "sit", "src", "cli.ts"));
    expect(loaded.filter((path) => !path.startsWith("node:"))).toEqual(["@sitjs/core/errors", "commander"]);
  });

  it("is seen where a heavy one is imported at the top", async () => {
    const heavy = await importsOf(join(root, "packages", "eval", "src", "report", "page.ts"), isForeign);
    expect(heavy).toEqual(expect.arrayContaining(["@observablehq/plot", "linkedom"]));
  });
});
