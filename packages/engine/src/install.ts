import { requireOption, SitError } from "@sitjs/core/errors";
import { buildEngine } from "./build-engine.js";
import {
  cacheFolder,
  enginesFolder,
  findInstalled,
  findInstalledBy,
  manifestName,
  readInstalled,
} from "./cache.js";
import { aborted, type Host, nodeHost } from "./host.js";
import { canHaveKernels, findKernels } from "./kernels/load.js";
import { chooseMeans, wasmWorks } from "./means.js";
import { place } from "./place.js";
import { withReason } from "./platform-package/find.js";
import type { Recipe } from "./recipe.js";
import { checkNative } from "./smoke.js";
import type { InstalledEngine, InstallMethod, InstallProgress, Variant } from "./types.js";

export interface InstallOptions {
  /** Default `cpu`. `gpu` takes TensorFlow's CUDA wheel and NVIDIA's library wheels: not tested by this project. */
  variant?: Variant;
  /**
   * Default `auto`: `package` where the platform package is installed and fits, else `source` where there is a C++17
   * compiler, else `official`.
   */
  method?: "auto" | InstallMethod;
  /** Default `$SITJS_CACHE`, else the platform's user cache folder. */
  cacheDir?: string;
  /** Make it anew even if it is there. */
  force?: boolean;
  onProgress?: (progress: InstallProgress) => void;
  signal?: AbortSignal;
}

type Report = (progress: InstallProgress) => void;

/**
 * Makes the native engine in the user's cache, or finds it there: TensorFlow's official wheel with the addons of the
 * platform package, or with those built from the sources of `@tensorflow/tfjs-node`; or the official prebuilt.
 *
 * Throws `SitError`: `engine-install` (no compiler, wrong hash, compile error), `network`, `disk`, `aborted`.
 */
export async function installEngine(options: InstallOptions = {}): Promise<InstalledEngine> {
  return await installOn(nodeHost(), options);
}

/** The native engine that `installEngine` has made earlier; undefined where there is none. */
export async function installedEngine(
  options: { variant?: Variant; cacheDir?: string } = {},
): Promise<InstalledEngine | undefined> {
  return await findInstalled(options.variant ?? "cpu", nodeHost(), options.cacheDir);
}

/** `installEngine` on a given machine. */
export async function installOn(host: Host, options: InstallOptions): Promise<InstalledEngine> {
  const { variant = "cpu", method = "auto", force = false, signal } = options;
  requireOption(variant === "cpu" || variant === "gpu", "variant", '"cpu" or "gpu"', variant);
  requireOption(
    ["auto", "package", "source", "official"].includes(method),
    "method",
    '"auto", "package", "source" or "official"',
    method,
  );
  const report = options.onProgress ?? (() => undefined);
  if (host.musl) {
    throw new SitError(
      "engine-install",
      "TensorFlow is only made for glibc, and this Linux has another C library",
      {
        mend: `Use a glibc distribution such as Debian. ${wasmWorks}`,
      },
    );
  }
  try {
    // One that was built here wants nothing more than kernels.
    const built =
      method === "auto" && !force
        ? await findInstalledBy("source", variant, host, options.cacheDir)
        : undefined;
    const engine = built ?? (await makeEngine(host, variant, method, options, report));
    await addKernels(engine, host, report, signal);
    report({ stage: "done", detail: engine.directory, fraction: 1 });
    return engine;
  } catch (error) {
    throw explain(error, cacheFolder(options.cacheDir, host.env), signal);
  }
}

/** Makes the engine, or finds it made. `misfit`: why the platform package is not to be taken. */
async function makeEngine(
  host: Host,
  variant: Variant,
  method: "auto" | InstallMethod,
  options: InstallOptions,
  report: Report,
  misfit?: string,
): Promise<InstalledEngine> {
  const { force, signal } = options;
  const means = await chooseMeans(host, variant, method, misfit);
  if (means.misfit !== undefined) report({ stage: "addons", detail: means.misfit });
  const root = enginesFolder(options.cacheDir, host.env);
  let unloadable: string | undefined;
  try {
    const directory = await place({
      root,
      key: means.recipe.key,
      force,
      signal,
      onWait: () => report({ stage: "lock", detail: "another install is at work: waiting for it" }),
      build: async (folder, buildSignal) => {
        await requireDisk(host, means.recipe, root, report);
        const packageDirectory = await buildEngine(means, folder, host, report, buildSignal);
        report({ stage: "check", detail: "loading it in a process of its own" });
        await checkNative(packageDirectory, host, buildSignal).catch((error: Error) => {
          unloadable = means.shipped && `${means.shipped.label}: ${error.message}`;
          throw error;
        });
      },
    });
    const engine = await readInstalled(directory);
    if (engine === undefined)
      throw new SitError("engine-install", `${directory}: ${manifestName} is missing or broken`);
    return engine;
  } catch (error) {
    if (signal?.aborted || !SitError.isInstance(error)) throw error;
    if (unloadable !== undefined && method === "auto") {
      return await makeEngine(host, variant, method, options, report, unloadable);
    }
    throw means.misfit === undefined ? error : withReason(means.misfit, error);
  }
}

/** The fused kernels are worth having, and no engine fails for the want of them. */
async function addKernels(
  engine: InstalledEngine,
  host: Host,
  report: Report,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (!canHaveKernels(engine)) return;
  try {
    await findKernels(engine, host, {
      onBuild: (misfit) => {
        const why = misfit === undefined ? "" : ` (${misfit})`;
        report({ stage: "kernels", detail: `compiling the fused kernels${why}` });
      },
      retry: true,
      signal,
    });
  } catch (error) {
    if (signal?.aborted || !SitError.isInstance(error)) throw error;
    report({
      stage: "kernels",
      detail: `without fused kernels, which makes training slower: ${error.message}`,
    });
  }
}

/** What a file system or an abort says, in this package's words. */
function explain(error: unknown, folder: string, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return aborted();
  const mend = `Free some space, or name another folder in SITJS_CACHE. ${wasmWorks}`;
  if (SitError.isInstance(error)) {
    const { code, message, mend: own } = error;
    return code === "disk" && own === undefined ? new SitError(code, message, { mend, cause: error }) : error;
  }
  if (isDiskFull(error)) return new SitError("disk", `${folder}: the disk is full`, { mend, cause: error });
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code !== undefined && ["EACCES", "EROFS", "EPERM", "ENOTDIR", "EEXIST"].includes(code)) {
    return new SitError("disk", `${folder}: cannot be written (${code})`, { mend, cause: error });
  }
  return error;
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === "ENOSPC";
}

async function requireDisk(host: Host, recipe: Recipe, root: string, report: Report): Promise<void> {
  const free = await host.freeBytes(root);
  report({ stage: "disk", detail: `${gigabytes(free)} free, ${gigabytes(recipe.diskBytes)} needed` });
  if (free < recipe.diskBytes) {
    throw new SitError(
      "disk",
      `${root}: expected ${gigabytes(recipe.diskBytes)} of free disk, got ${gigabytes(free)}`,
      { mend: `Free some space, or name another folder in SITJS_CACHE. ${wasmWorks}` },
    );
  }
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
