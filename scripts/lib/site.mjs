// The built docs site: where it is, its pages, and a server of it for this machine alone (`vitepress preview` listens on all
// interfaces and has no option against it).
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./steps.mjs";

export const siteFolder = join(root, "docs", ".vitepress", "dist");

/** The paths of all pages in the folder of a site, with "/" and sorted: `guide/data.html`. */
export function sitePages(folder = siteFolder) {
  if (!existsSync(folder)) throw new Error(`there is no built site in ${folder}: run npm run docs first`);
  return readdirSync(folder, { recursive: true })
    .map((path) => String(path).replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".html"))
    .sort();
}

/**
 * Serves the built site on 127.0.0.1, on `port` or the next that is free.
 * @returns {Promise<{ url: string, close: () => Promise<void> }>} its address, ending with "/"
 */
export async function serveSite(port = 4173) {
  const { preview } = await import("vite");
  const server = await preview({
    configFile: false,
    root: siteFolder,
    base: process.env.SITJS_DOCS_BASE ?? "/",
    appType: "mpa",
    build: { outDir: "." },
    preview: { host: "127.0.0.1", port },
    logLevel: "error",
  });
  const url = server.resolvedUrls?.local[0];
  if (url === undefined) throw new Error("the server of the site has no address");
  return { url, close: () => new Promise((resolve) => server.httpServer.close(() => resolve())) };
}
