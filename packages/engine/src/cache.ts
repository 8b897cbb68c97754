import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import envPaths from "env-paths";
import type { Host } from "./host.js";
import { recipeFor, supportsMethod } from "./recipe.js";
import type { InstalledEngine, InstallMethod, Variant } from "./types.js";

/** The cache folder: the option, else `$SITJS_CACHE`, else the platform's user cache. */
export function cacheFolder(option?: string, env: Record<string, string | undefined> = process.env): string {
  const chosen = option ?? env.SITJS_CACHE;
  if (chosen !== undefined && chosen !== "") return resolve(chosen);
  return envPaths("sitjs", { suffix: "" }).cache;
}

export function enginesFolder(cacheDir?: string, env?: Record<string, string | undefined>): string {
  return join(cacheFolder(cacheDir, env), "engines");
}

/** Written last into an engine's folder; paths in it are relative to that folder. */
export const manifestName = "engine.json";

const pathFields = [
  "packageDirectory",
  "binding",
  "libraryDirectory",
  "includeDirectory",
  "quietLoader",
] as const;

export type Manifest = Omit<InstalledEngine, "directory">;

/** The engine in `directory`, or undefined where there is none or an unfinished one. */
export async function readInstalled(directory: string): Promise<InstalledEngine | undefined> {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(await readFile(join(directory, manifestName), "utf8")) as Manifest;
  } catch {
    return undefined;
  }
  const engine: InstalledEngine = { ...manifest, directory };
  for (const field of pathFields) {
    const path = manifest[field];
    if (path !== undefined) engine[field] = join(directory, path);
  }
  return engine;
}

/** The engine of this package's own recipe in the cache: one built here, else one of a platform package, else official. */
export async function findInstalled(
  variant: Variant,
  host: Host,
  cacheDir?: string,
): Promise<InstalledEngine | undefined> {
  for (const method of ["source", "package", "official"] as const) {
    const found = await findInstalledBy(method, variant, host, cacheDir);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The engine in the cache that was made in this way. */
export async function findInstalledBy(
  method: InstallMethod,
  variant: Variant,
  host: Host,
  cacheDir?: string,
): Promise<InstalledEngine | undefined> {
  if (!supportsMethod(method, variant, host.platform, host.arch)) return undefined;
  const { key } = recipeFor(method, variant, host.platform, host.arch);
  return await readInstalled(join(enginesFolder(cacheDir, host.env), key));
}
