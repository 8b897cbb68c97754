// The page of tests as Vite bundles it, with the packages as they are published.
import { dirname, join, resolve } from "node:path";
import { build } from "vite";
import { publishedEntries } from "../scripts/lib/entries.mjs";
import { root } from "../scripts/lib/steps.mjs";

const here = join(root, "browser");
/** Helpers of the tests that need Node, and what a page has in their place. */
const standIns = new Map(
  ["load", "engines"].map((name) => [join(root, "fixtures", `${name}.ts`), join(here, `${name}.ts`)]),
);

/**
 * Tests import their package's source; here they get what was built of it, as a user would.
 * @returns {import("vite").Plugin}
 */
function asPublished() {
  const built = new Map(publishedEntries().map((entry) => [entry.source, entry.built]));
  return {
    name: "as-published",
    enforce: "pre",
    resolveId(id, importer) {
      if (id.startsWith("node:")) throw new Error(`${importer}: needs ${id}, which browsers have not`);
      if (id === "vitest") return join(here, "vitest.ts");
      if (!id.startsWith(".") || importer === undefined) return undefined;
      const path = resolve(dirname(importer), id.replace(/\.js$/, ".ts"));
      return standIns.get(path) ?? built.get(path);
    },
    transform(code, id) {
      // Packages say that importing a file of theirs does nothing; of a test it is all.
      return id.endsWith(".test.ts") ? { code, moduleSideEffects: true } : undefined;
    },
  };
}

/**
 * Builds the page into the folder.
 * @param {string} folder
 */
export async function bundleTests(folder) {
  await build({
    root: here,
    configFile: false,
    logLevel: "warn",
    plugins: [asPublished()],
    build: {
      outDir: folder,
      emptyOutDir: true,
      target: "es2022",
      // Reasons of failures name functions.
      minify: false,
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: Number.POSITIVE_INFINITY,
    },
  });
}
