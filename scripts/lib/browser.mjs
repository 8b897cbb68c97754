import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { root } from "./steps.mjs";

/** The entries that promise to load in a browser. */
export const browserEntries = [
  "@sitjs/core",
  "@sitjs/core/random",
  "@sitjs/core/errors",
  "@sitjs/core/json",
  "@sitjs/core/testing",
  "@sitjs/vit",
  "@sitjs/masking",
  "@sitjs/losses",
  "@sitjs/augment",
  "@sitjs/train",
  "@sitjs/eval",
  "@sitjs/onnx",
  "@sitjs/hub",
];

/** A module that keeps and uses all that an entry exports, so that nothing of it is shaken off. */
export const useAll = (entry) =>
  `import * as all from ${JSON.stringify(entry)};\nglobalThis.loaded = Object.keys(all);`;

/** What an entry adds to a page beside tfjs: minified, not compressed. */
export async function addedToPage(entry) {
  return Buffer.byteLength(await bundle(useAll(entry), { external: ["@tensorflow/*"] }));
}

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
