import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll } from "vitest";

const packageFolder = fileURLToPath(new URL("..", import.meta.url));

/**
 * Builds the worker from source for the tests of a file: Node 20 starts no TypeScript in a thread, and `dist` may be
 * missing or old. Inside the package, because the bundle leaves sharp to Node's own resolution.
 */
export function builtWorker(): { readonly url: URL } {
  let folder = "";
  beforeAll(async () => {
    const ignored = join(packageFolder, "node_modules");
    mkdirSync(ignored, { recursive: true });
    folder = mkdtempSync(join(ignored, ".worker-"));
    await bundle(join(packageFolder, "src/worker.ts"), join(folder, "worker.js"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return {
    get url() {
      return pathToFileURL(join(folder, "worker.js"));
    },
  };
}

/** Bundles a program of `test` beside a built worker, as an application's bundler would, and returns its path. */
export async function buildProgram(workerUrl: URL, name = "program.ts"): Promise<string> {
  const program = fileURLToPath(new URL(name.replace(/\.ts$/, ".js"), workerUrl));
  await bundle(join(packageFolder, "test", name), program);
  return program;
}

function bundle(entry: string, outfile: string) {
  return build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["@sitjs/source"],
    // What is installed stays so; the workspace's own packages are sources and go in.
    external: ["sharp", "tar", "env-paths"],
  });
}
