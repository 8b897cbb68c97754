import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { SitError } from "@sitjs/core/errors";
import { hashFile } from "@sitjs/core/node";
import type { Config } from "../config.js";

/** What a config file may have. */
export const configKeys: readonly string[] = [
  "preset",
  "data",
  "out",
  "seed",
  "workers",
  "engine",
  "settings",
  "parts",
];
const plain = [".js", ".mjs"];
const typed = [".ts", ".mts"];

/** Loads a config file. As `loadModule`. */
export async function loadConfig(path: string): Promise<Config> {
  return (await loadModule(`--config ${path}`, path, "defineConfig", configKeys)) as Config;
}

/** SHA-256 of a config file that has been loaded; files that it imports are not looked at. */
export async function configSum(path: string): Promise<string> {
  return (await hashFile(path, createHash("sha256"))).digest("hex");
}

/**
 * Loads a file that exports an object as its default: JavaScript by Node itself, TypeScript through jiti.
 *
 * @param named how messages call it
 * @param define the function that gives it its types
 * @param keys what the object may have
 * @throws SitError "missing-file" or "bad-file" naming the file
 */
export async function loadModule(
  named: string,
  path: string,
  define: string,
  keys: readonly string[],
): Promise<object> {
  const file = resolve(path);
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) throw new SitError("missing-file", `${named}: expected a file, got nothing there`);
  const extension = extname(file);
  if (![...plain, ...typed].includes(extension)) {
    throw new SitError(
      "bad-file",
      `${named}: expected a .ts, .mts, .js or .mjs file, got ${extension || "no extension"}`,
    );
  }
  let config: unknown;
  try {
    config = typed.includes(extension)
      ? await importTyped(file)
      : (await import(pathToFileURL(file).href)).default;
  } catch (cause) {
    if (SitError.isInstance(cause)) throw cause;
    const [reason] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
    throw new SitError("bad-file", `${named}: cannot be loaded: ${reason}`, { cause });
  }
  if (typeof config !== "object" || config === null) {
    throw new SitError(
      "bad-file",
      `${named}: expected a default export ${define}({ … }), got ${typeof config}`,
    );
  }
  const unknown = Object.keys(config).find((key) => !keys.includes(key));
  if (unknown !== undefined) {
    throw new SitError("bad-file", `${named}: expected keys among ${keys.join(", ")}, got ${unknown}`);
  }
  return config;
}

async function importTyped(file: string): Promise<unknown> {
  const { createJiti } = await import("jiti");
  // Node loads the packages that the file imports, and with its cache, so that there is one copy of each: of tfjs too.
  const jiti = createJiti(import.meta.url, { fsCache: false });
  return await jiti.import(file, { default: true });
}
