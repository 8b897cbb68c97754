import { rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { fetchPackage } from "./binding-package.js";
import { type Manifest, manifestName } from "./cache.js";
import { compileBinding, compileQuiet } from "./compile.js";
import { fetchCudaLibraries } from "./cuda.js";
import type { Host } from "./host.js";
import type { Means } from "./means.js";
import { installOfficial } from "./official.js";
import { readAddon } from "./platform-package/find.js";
import { type Recipe, tfjsNodeVersion, type Wheel } from "./recipe.js";
import { addShims, bindingPath } from "./shims.js";
import type { InstallProgress } from "./types.js";
import { unpack } from "./unpack.js";
import { fetchWheel } from "./wheel.js";

/** What every step of a build needs. */
interface Build {
  means: Means;
  /** Where the engine is made. */
  folder: string;
  /** The package of the binding, unpacked here. */
  packageDirectory: string;
  host: Host;
  report: (progress: InstallProgress) => void;
  signal: AbortSignal;
}

/** What an engine's manifest says of the libraries that it computes with. */
type Libraries = Pick<Manifest, "libraryDirectory" | "libraries" | "includeDirectory" | "pinned">;

/** Makes an engine in `folder`, its manifest last, and returns the folder of its package. It is not loaded. */
export async function buildEngine(
  means: Means,
  folder: string,
  host: Host,
  report: (progress: InstallProgress) => void,
  signal: AbortSignal,
): Promise<string> {
  const { recipe, shipped, compiler } = means;
  const packageDirectory = join(folder, "node_modules", recipe.package.name);
  const step: Build = { means, folder, packageDirectory, host, report, signal };
  const { wheel } = recipe;
  const libraries = wheel === undefined ? await official(step) : await fromWheel(step, wheel);
  const quietLoader = wheel === undefined ? undefined : await addAddons(step, libraries);
  const inFolder = (path: string) => relative(folder, path);
  const manifest: Manifest = {
    key: recipe.key,
    method: recipe.method,
    variant: recipe.variant,
    tfjs: tfjsNodeVersion,
    tensorflow: recipe.tensorflow,
    packageDirectory: inFolder(packageDirectory),
    binding: inFolder(bindingPath(packageDirectory)),
    libraryDirectory: inFolder(libraries.libraryDirectory),
    libraries: libraries.libraries,
    includeDirectory: libraries.includeDirectory && inFolder(libraries.includeDirectory),
    quietLoader: quietLoader && inFolder(quietLoader),
    compiler: shipped?.manifest.compilers.binding ?? (compiler && `${compiler.command}: ${compiler.version}`),
    platformPackage: shipped?.label,
    pinned: libraries.pinned,
  };
  await writeFile(join(folder, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
  return packageDirectory;
}

async function official({
  means,
  folder,
  packageDirectory,
  host,
  report,
  signal,
}: Build): Promise<Libraries> {
  const wanted = means.recipe.package;
  report({ stage: "official", detail: `${wanted.name} ${wanted.version} by its own script` });
  await installOfficial(wanted, folder, host, signal);
  await addShims(join(folder, "node_modules"), packageDirectory);
  return { libraryDirectory: join(packageDirectory, "deps", "lib"), libraries: [], pinned: false };
}

/** The package of the binding and TensorFlow's wheel: all but the compiled addons. */
async function fromWheel(step: Build, wheel: Wheel): Promise<Libraries> {
  const { means, folder, packageDirectory, host, report, signal } = step;
  const { recipe } = means;
  const downloads = join(folder, "downloads");
  report({ stage: "package", detail: `${recipe.package.name} ${recipe.package.version}` });
  await fetchPackage(recipe.package, join(downloads, "npm"), packageDirectory, host, signal);
  await addShims(join(folder, "node_modules"), packageDirectory);

  report({ stage: "wheel", detail: wheel.file });
  const { file, pinned } = await fetchWheel(wheel, join(downloads, "wheel"), host, {
    signal,
    onDetail: (detail) => report({ stage: "wheel", detail }),
    onFraction: (fraction) => report({ stage: "wheel", detail: wheel.file, fraction }),
  });
  if (!pinned) {
    const detail = `${wheel.file}: checked against the index's own hash; none is pinned for this system`;
    report({ stage: "wheel", detail });
  }
  const written = await unpackWheel(step, wheel, file);
  if (recipe.variant === "gpu") {
    const metadata = join(folder, written.find((path) => path.endsWith("/METADATA")) ?? "");
    await fetchCudaLibraries(metadata, wheel, join(downloads, "cuda"), folder, host, report, signal);
  }
  await rm(downloads, { recursive: true, force: true });
  const libraryDirectory = join(folder, "tensorflow");
  const includeDirectory = wantsHeaders(recipe) ? join(libraryDirectory, "include") : undefined;
  return { libraryDirectory, libraries: wheel.libraries, includeDirectory, pinned };
}

/** A third of what a wheel unpacks to, and only good for compiling. */
const wantsHeaders = ({ method }: Recipe): boolean => method === "source";

async function unpackWheel(
  { means, folder, report, signal }: Build,
  wheel: Wheel,
  file: string,
): Promise<string[]> {
  const headers = wantsHeaders(means.recipe);
  // Same paths as in the wheel: its libraries look for NVIDIA's at ../nvidia from where they are.
  const files = new Set(wheel.libraries.map((name) => `tensorflow/${name}`));
  const detail = `TensorFlow's libraries${headers ? " and headers" : ""}`;
  report({ stage: "unpack", detail, fraction: 0 });
  const written = await unpack(file, folder, {
    wanted: (path) =>
      files.has(path) || (headers && path.startsWith("tensorflow/include/")) || path.endsWith("/METADATA"),
    signal,
    onFraction: (fraction) => report({ stage: "unpack", fraction }),
  });
  const missing = [...files].filter((path) => !written.includes(path));
  if (missing.length === 0) return written;
  throw new SitError("engine-install", `${wheel.file}: expected ${missing.join(" and ")} in it, got none`);
}

/** The binding in its package, and the quiet loader, whose path is returned: shipped ones, or compiled here. */
async function addAddons(
  { means, folder, packageDirectory, host, report, signal }: Build,
  { libraryDirectory, libraries, includeDirectory }: Libraries,
): Promise<string> {
  const { shipped, compiler } = means;
  const quietLoader = join(folder, "quiet.node");
  if (shipped !== undefined) {
    report({ stage: "addons", detail: `those of ${shipped.label}` });
    await writeFile(bindingPath(packageDirectory), await readAddon(shipped, "binding"));
    await writeFile(quietLoader, await readAddon(shipped, "quietLoader"));
  } else if (compiler !== undefined && includeDirectory !== undefined) {
    report({ stage: "compile", detail: `${compiler.command}, ${compiler.version}` });
    const options = { compiler, packageDirectory, includeDirectory, libraryDirectory, libraries };
    await compileBinding(options, host, signal);
    await compileQuiet(compiler, quietLoader, host, signal);
  }
  return quietLoader;
}
