// The packages that promise to load in a browser: each built entry is bundled for one, which fails where a Node
// module is reached, and the bundle is run with a browser's globals only, which fails where `process` or `Buffer`
// is needed. Prints what each adds to a page. Run after the build.
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { root } from "./lib/steps.mjs";

const entries = ["core", "vit", "masking", "losses", "augment", "train", "eval"].map(
  (name) => `@sitjs/${name}`,
);
entries.push("@sitjs/core/random", "@sitjs/core/errors", "@sitjs/core/testing");

const kilobytes = (bytes) => `${(bytes / 1024).toFixed(1).padStart(7)} kB`;

async function bundle(entry, external) {
  const { outputFiles } = await build({
    // The namespace is kept and used, so that nothing of it is shaken off.
    stdin: {
      contents: `import * as all from ${JSON.stringify(entry)};\nglobalThis.loaded = Object.keys(all);`,
      resolveDir: root,
    },
    bundle: true,
    minify: true,
    write: false,
    platform: "browser",
    format: external.length > 0 ? "esm" : "iife",
    target: "es2022",
    external,
    logLevel: "silent",
  });
  return outputFiles[0].text;
}

/** Runs a bundle where only what every browser has is there; returns the names that the entry exports. */
function load(code) {
  const page = {
    console,
    performance,
    setTimeout,
    clearTimeout,
    setInterval,
    clearInterval,
    queueMicrotask,
    TextEncoder,
    TextDecoder,
    URL,
    Blob,
    AbortController,
    fetch,
    crypto,
    structuredClone,
  };
  page.window = page;
  page.self = page;
  page.navigator = { userAgent: "Mozilla/5.0", hardwareConcurrency: 2 };
  page.location = { href: "http://localhost/", search: "" };
  const context = createContext(page);
  runInContext(code, context, { timeout: 30_000 });
  return context.loaded;
}

let failed = 0;
for (const entry of entries) {
  try {
    const own = await bundle(entry, ["@tensorflow/*"]);
    const names = load(await bundle(entry, []));
    if (names.length === 0) throw new Error("exports nothing");
    console.log(
      `${entry.padEnd(22)} ${kilobytes(Buffer.byteLength(own))} minified without tfjs, ${names.length} exports`,
    );
  } catch (error) {
    failed++;
    const reasons = error.errors?.map(
      ({ text, location }) => `${text}${location ? ` (${location.file})` : ""}`,
    );
    console.error(`${entry}: does not load in a browser: ${reasons?.join("; ") ?? error.stack}`);
  }
}
process.exit(failed === 0 ? 0 : 1);
