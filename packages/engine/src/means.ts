import { SitError } from "@sitjs/core/errors";
import type { Host } from "./host.js";
import {
  findPlatformPackage,
  type PlatformPackage,
  platformPackageName,
  readAddon,
  withReason,
} from "./platform-package/find.js";
import { addons } from "./platform-package/manifest.js";
import { type Recipe, recipeFor, supportsMethod } from "./recipe.js";
import { findCompiler, type Tool } from "./tools.js";
import type { InstallMethod, Variant } from "./types.js";

/** By which recipe an engine is made, and with what. */
export interface Means {
  recipe: Recipe;
  /** Compiles the addons, where the recipe's method is `source`. */
  compiler?: Tool;
  /** Has the addons, where it is `package`. */
  shipped?: PlatformPackage;
  /** Why an installed platform package is not taken. */
  misfit?: string;
}

export const wasmWorks = "The wasm engine still works.";

/**
 * Chooses among the ways of making an engine. `unloadable`: why the platform package cannot be taken, where that was
 * found out by taking it.
 *
 * @throws SitError "engine-install" where there is no way
 */
export async function chooseMeans(
  host: Host,
  variant: Variant,
  method: "auto" | InstallMethod,
  unloadable?: string,
): Promise<Means> {
  const { platform, arch } = host;
  if (method === "package" || (method === "auto" && supportsMethod("package", variant, platform, arch))) {
    const recipe = recipeFor("package", variant, platform, arch);
    const shipped = unloadable ?? (await wholePackage(host));
    if (typeof shipped === "object") return { recipe, shipped };
    if (method === "auto") return await withoutPackage(host, variant, method, shipped);
    const name = platformPackageName(platform, arch);
    throw new SitError("engine-install", shipped ?? `the package ${name} is not installed`, {
      mend: `Install ${name} with npm, of the version of @sitjs/engine, or leave the method to us. ${wasmWorks}`,
    });
  }
  return await withoutPackage(host, variant, method);
}

/** The platform package where it fits and its addons are what they were; else why not; undefined where it is not there. */
async function wholePackage(host: Host): Promise<PlatformPackage | string | undefined> {
  const installed = await findPlatformPackage(host);
  if (!installed?.fits) return installed?.reason;
  try {
    for (const addon of addons) await readAddon(installed.found, addon);
    return installed.found;
  } catch (error) {
    if (!SitError.isInstance(error)) throw error;
    return error.message;
  }
}

async function withoutPackage(
  host: Host,
  variant: Variant,
  method: "auto" | InstallMethod,
  misfit?: string,
): Promise<Means> {
  const { platform, arch } = host;
  const fromSource = supportsMethod("source", variant, platform, arch);
  if (method !== "official" && (fromSource || method === "source")) {
    const recipe = recipeFor("source", variant, platform, arch);
    const compiler = await findCompiler(host);
    if (compiler !== undefined) return { recipe, compiler, misfit };
    if (method === "source" || !supportsMethod("official", variant, platform, arch)) {
      const error = new SitError(
        "engine-install",
        "no C++17 compiler was found ($CXX, g++, clang++ and c++ were tried)",
        { mend: `Install one (Debian: apt install g++; macOS: xcode-select --install). ${wasmWorks}` },
      );
      throw misfit === undefined ? error : withReason(misfit, error);
    }
  }
  return { recipe: recipeFor("official", variant, platform, arch), misfit };
}
