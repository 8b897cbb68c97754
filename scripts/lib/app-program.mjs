import { rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { root } from "./steps.mjs";

/**
 * The app's command line, without the part that starts it: from its sources, which the app does not export.
 * @returns {Promise<() => import("commander").Command>}
 */
export async function appProgram() {
  const app = join(root, "apps", "sit");
  // Beside the sources, so that the packages it needs are found, and `package.json`, from which it has its version.
  const outfile = join(app, "dist", "program-to-check.mjs");
  await build({
    entryPoints: [join(app, "src", "program.ts")],
    outfile,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    logLevel: "error",
  });
  try {
    return (await import(pathToFileURL(outfile).href)).program;
  } finally {
    rmSync(outfile);
  }
}
