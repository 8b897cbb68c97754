import { rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { requireOption, SitError } from "@sitjs/core/errors";
import { fetchPackage } from "./binding-package.js";
import {
  cacheFolder,
  enginesFolder,
  findInstalled,
  type Manifest,
  manifestName,
  readInstalled,
} from "./cache.js";
import { compileBinding, compileQuiet } from "./compile.js";
import { fetchCudaLibraries } from "./cuda.js";
import { aborted, type Host, nodeHost } from "./host.js";
import { buildKernels } from "./kernels/build.js";
import { exists, kernelsPath } from "./kernels/built.js";
import { installOfficial } from "./official.js";
import { place } from "./place.js";
import { type Recipe, recipeFor, supportsMethod, tfjsNodeVersion } from "./recipe.js";
import { addShims, bindingPath } from "./shims.js";
import { checkNative } from "./smoke.js";
import { findCompiler, type Tool } from "./tools.js";
import type { InstalledEngine, InstallMethod, InstallProgress, Variant } from "./types.js";
import { unpack } from "./unpack.js";
import { fetchWheel } from "./wheel.js";

export interface InstallOptions {
  /** Default `cpu`. `gpu` takes TensorFlow's CUDA wheel and NVIDIA's library wheels: not tested by this project. */
  variant?: Variant;
  /** Default `auto`: `source` where there is a C++17 compiler, else `official`. */
  method?: "auto" | InstallMethod;
  /** Default `$SITJS_CACHE`, else the platform's user cache folder. */
  cacheDir?: string;
  /** Make it anew even if it is there. */
  force?: boolean;
  onProgress?: (progress: InstallProgress) => void;
  signal?: AbortSignal;
}

const wasmWorks = "The wasm engine still works.";

/**
 * Makes the native engine in the user's cache, or finds it there. Built from the sources of
 * `@tensorflow/tfjs-node` against TensorFlow's official wheel, or its official prebuilt.
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
  const { variant = "cpu", method = "auto", force, signal } = options;
  requireOption(variant === "cpu" || variant === "gpu", "variant", '"cpu" or "gpu"', variant);
  requireOption(
    ["auto", "source", "official"].includes(method),
    "method",
    '"auto", "source" or "official"',
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
  const { recipe, compiler } = await chooseRecipe(host, variant, method);
  const root = enginesFolder(options.cacheDir, host.env);
  try {
    const directory = await place({
      root,
      key: recipe.key,
      force,
      signal,
      onWait: () => report({ stage: "lock", detail: "another install is at work: waiting for it" }),
      build: async (folder, buildSignal) => {
        await requireDisk(host, recipe, root, report);
        await build(host, recipe, compiler, folder, report, buildSignal);
      },
    });
    const engine = await readInstalled(directory);
    if (engine === undefined)
      throw new SitError("engine-install", `${directory}: ${manifestName} is missing or broken`);
    await addKernels(engine, compiler, host, report, signal);
    report({ stage: "done", detail: directory, fraction: 1 });
    return engine;
  } catch (error) {
    throw explain(error, cacheFolder(options.cacheDir, host.env), signal);
  }
}

/** The fused kernels are worth having, and no engine fails for the want of them. */
async function addKernels(
  engine: InstalledEngine,
  compiler: Tool | undefined,
  host: Host,
  report: (progress: InstallProgress) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (compiler === undefined || engine.variant !== "cpu" || engine.includeDirectory === undefined) return;
  const path = await kernelsPath(engine, host);
  if (await exists(path)) return;
  report({ stage: "kernels", detail: "compiling the fused kernels" });
  try {
    await buildKernels(engine, compiler, host, signal);
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
  if (SitError.isInstance(error)) return error;
  const mend = `Free some space, or name another folder in SITJS_CACHE. ${wasmWorks}`;
  if (isDiskFull(error)) return new SitError("disk", `${folder}: the disk is full`, { mend, cause: error });
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code !== undefined && ["EACCES", "EROFS", "EPERM", "ENOTDIR", "EEXIST"].includes(code)) {
    return new SitError("disk", `${folder}: cannot be written (${code})`, { mend, cause: error });
  }
  return error;
}

async function chooseRecipe(
  host: Host,
  variant: Variant,
  method: "auto" | InstallMethod,
): Promise<{ recipe: Recipe; compiler?: Tool }> {
  const { platform, arch } = host;
  const fromSource = supportsMethod("source", variant, platform, arch);
  if (method !== "official" && (fromSource || method === "source")) {
    const recipe = recipeFor("source", variant, platform, arch);
    const compiler = await findCompiler(host);
    if (compiler !== undefined) return { recipe, compiler };
    if (method === "source" || !supportsMethod("official", variant, platform, arch)) {
      throw new SitError(
        "engine-install",
        "no C++17 compiler was found ($CXX, g++, clang++ and c++ were tried)",
        {
          mend: `Install one (Debian: apt install g++; macOS: xcode-select --install). ${wasmWorks}`,
        },
      );
    }
  }
  return { recipe: recipeFor("official", variant, platform, arch) };
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === "ENOSPC";
}

async function requireDisk(
  host: Host,
  recipe: Recipe,
  root: string,
  report: (progress: InstallProgress) => void,
): Promise<void> {
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

async function build(
  host: Host,
  recipe: Recipe,
  compiler: Tool | undefined,
  folder: string,
  report: (progress: InstallProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  const nodeModules = join(folder, "node_modules");
  const packageDirectory = join(nodeModules, recipe.package.name);
  const downloads = join(folder, "downloads");
  let libraryDirectory = join(packageDirectory, "deps", "lib");
  let libraries: string[] = [];
  let includeDirectory: string | undefined;
  let quietLoader: string | undefined;
  let pinned = false;
  const { wheel } = recipe;

  if (wheel === undefined || compiler === undefined) {
    report({
      stage: "official",
      detail: `${recipe.package.name} ${recipe.package.version} by its own script`,
    });
    await installOfficial(recipe.package, folder, host, signal);
    await addShims(nodeModules, packageDirectory);
  } else {
    report({ stage: "package", detail: `${recipe.package.name} ${recipe.package.version}` });
    await fetchPackage(recipe.package, join(downloads, "npm"), packageDirectory, host, signal);
    await addShims(nodeModules, packageDirectory);

    report({ stage: "wheel", detail: wheel.file });
    const fetched = await fetchWheel(wheel, join(downloads, "wheel"), host, {
      signal,
      onDetail: (detail) => report({ stage: "wheel", detail }),
      onFraction: (fraction) => report({ stage: "wheel", detail: wheel.file, fraction }),
    });
    ({ pinned } = fetched);
    if (!pinned) {
      const detail = `${wheel.file}: checked against the index's own hash; none is pinned for this system`;
      report({ stage: "wheel", detail });
    }

    // Same paths as in the wheel: its libraries look for NVIDIA's at ../nvidia from where they are.
    libraryDirectory = join(folder, "tensorflow");
    libraries = wheel.libraries;
    includeDirectory = join(libraryDirectory, "include");
    const files = new Set(libraries.map((name) => `tensorflow/${name}`));
    report({ stage: "unpack", detail: "TensorFlow's libraries and headers", fraction: 0 });
    const written = await unpack(fetched.file, folder, {
      wanted: (path) =>
        files.has(path) || path.startsWith("tensorflow/include/") || path.endsWith("/METADATA"),
      signal,
      onFraction: (fraction) => report({ stage: "unpack", fraction }),
    });
    const missing = [...files].filter((file) => !written.includes(file));
    if (missing.length > 0) {
      throw new SitError(
        "engine-install",
        `${wheel.file}: expected ${missing.join(" and ")} in it, got none`,
      );
    }
    if (recipe.variant === "gpu") {
      const metadata = written.find((path) => path.endsWith("/METADATA"));
      await fetchCudaLibraries(
        join(folder, metadata ?? ""),
        wheel,
        join(downloads, "cuda"),
        folder,
        host,
        report,
        signal,
      );
    }

    report({ stage: "compile", detail: `${compiler.command}, ${compiler.version}` });
    await compileBinding(
      { compiler, packageDirectory, includeDirectory, libraryDirectory, libraries },
      host,
      signal,
    );
    quietLoader = join(folder, "quiet.node");
    await compileQuiet(compiler, quietLoader, host, signal);
  }
  await rm(downloads, { recursive: true, force: true });

  report({ stage: "check", detail: "loading it in a process of its own" });
  await checkNative(packageDirectory, host, signal);

  const inFolder = (path: string) => relative(folder, path);
  const manifest: Manifest = {
    key: recipe.key,
    method: recipe.method,
    variant: recipe.variant,
    tfjs: tfjsNodeVersion,
    tensorflow: recipe.tensorflow,
    packageDirectory: inFolder(packageDirectory),
    binding: inFolder(bindingPath(packageDirectory)),
    libraryDirectory: inFolder(libraryDirectory),
    libraries,
    includeDirectory: includeDirectory && inFolder(includeDirectory),
    quietLoader: quietLoader && inFolder(quietLoader),
    compiler: compiler && `${compiler.command}: ${compiler.version}`,
    pinned,
  };
  await writeFile(join(folder, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
}
