import { relative } from "node:path";
import { build } from "esbuild";
import { root } from "./steps.mjs";

/**
 * What is loaded when a file is imported, and not later by its work.
 * @param {string} file absolute
 * @param {{ external?: string[] | "packages" }} [options] what is not looked into: every package, or those of these names
 * @returns {Promise<{ imports: string[], modules: number }>} the names outside that it imports, Node's among them, and
 *   the number of files inside
 */
export async function loadedModules(file, { external = "packages" } = {}) {
  const { metafile } = await build({
    entryPoints: [file],
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    ...(external === "packages" ? { packages: "external" } : { external }),
    metafile: true,
    write: false,
    outdir: "out",
    absWorkingDir: root,
    logLevel: "silent",
  });
  const { outputs } = metafile;
  /** @type {Set<string>} */
  const imports = new Set();
  const visited = new Set();
  let modules = 0;
  const visit = (output) => {
    if (visited.has(output)) return;
    visited.add(output);
    modules += Object.keys(outputs[output].inputs).length;
    for (const { path, kind, external: isExternal } of outputs[output].imports) {
      if (kind !== "import-statement") continue;
      if (isExternal) imports.add(path);
      else visit(path);
    }
  };
  const entry = relative(root, file).replaceAll("\\", "/");
  visit(Object.keys(outputs).find((output) => outputs[output].entryPoint === entry));
  return { imports: [...imports].sort(), modules };
}
