import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { root } from "./steps.mjs";

/** Bundles a module's text for a browser, minified; throws where it reaches a Node module. */
export async function bundle(contents, { external = [] } = {}) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root },
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

/**
 * Runs a bundle where only what every browser has is there (no `process`, `Buffer` or `require`) and returns what
 * it left on `globalThis.loaded`. Not a browser: there is no document and no WebGL.
 */
export function load(code) {
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
    navigator: { userAgent: "Mozilla/5.0", hardwareConcurrency: 2 },
    location: { href: "http://localhost/", search: "" },
  };
  Object.assign(page, { window: page, self: page });
  const context = createContext(page);
  runInContext(code, context, { timeout: 30_000 });
  return context.loaded;
}
