import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { nodeApiVersion } from "../compile.js";
import { type Host, lastLines, nodeHost } from "../host.js";
import { installOn } from "../install.js";
import { buildKernels } from "../kernels/build.js";
import { exists, kernelsPath } from "../kernels/built.js";
import { instructionSets, kernelsKey } from "../kernels/sources.js";
import { recipeFor } from "../recipe.js";
import { findCompiler } from "../tools.js";
import type { InstallProgress } from "../types.js";
import { platformPackageName } from "./find.js";
import { inspectNeeds, requireBaseline } from "./inspect.js";
import { type Addon, addonFiles, addons, type PlatformManifest, platformManifestName } from "./manifest.js";

export interface WritePlatformPackageOptions {
  /** Where the package is written; what is there goes. */
  folder: string;
  /** Where the engine is built from source, or found built. Default `$SITJS_CACHE`, else the user's cache folder. */
  cacheDir?: string;
  onProgress?: (progress: InstallProgress) => void;
}

export interface WrittenPlatformPackage {
  name: string;
  manifest: PlatformManifest;
}

/**
 * Makes this machine's platform package of this version of @sitjs/engine: the addons of an engine that is built here from
 * source, without their symbols, their manifest and what npm wants. The files are copies of what a build makes.
 *
 * @throws SitError as `installEngine`; "engine-install" where the compiler does not know all instruction sets, or the
 * kernels would not load on a processor that lacks some
 */
export async function writePlatformPackage(
  options: WritePlatformPackageOptions,
): Promise<WrittenPlatformPackage> {
  const { folder } = options;
  const host = nodeHost();
  const { built, compilers } = await buildAddons(options, host);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const addon of addons) await copyStripped(built[addon], join(folder, addonFiles[addon]), host);
  const manifest = await manifestOf(folder, compilers, host);
  await writeFile(join(folder, platformManifestName), `${JSON.stringify(manifest, null, 2)}\n`);
  const name = platformPackageName(host.platform, host.arch);
  await describePackage(name, folder, manifest, host);
  return { name, manifest };
}

type Compilers = PlatformManifest["compilers"];

/** The addons of an engine that is built from source, where they lie there, fit for every processor of the system. */
async function buildAddons(
  { cacheDir, onProgress }: WritePlatformPackageOptions,
  host: Host,
): Promise<{ built: Record<Addon, string>; compilers: Compilers }> {
  const engine = await installOn(host, { method: "source", cacheDir, onProgress });
  const { binding, quietLoader } = engine;
  const compiler = await findCompiler(host);
  if (compiler === undefined || quietLoader === undefined) {
    throw new SitError("engine-install", `${engine.directory}: expected addons and their compiler, got none`);
  }
  // The install leaves them out where a platform package is there.
  let kernels = await kernelsPath(engine, host);
  if (!(await exists(kernels))) kernels = await buildKernels(engine, compiler, host);
  await requireInstructionSets(kernels, instructionSetNames(host));
  if (host.arch === "x64") await requireBaseline(kernels, host);
  return {
    built: { binding, quietLoader, kernels },
    compilers: { binding: engine.compiler ?? "", kernels: `${compiler.command}: ${compiler.version}` },
  };
}

const instructionSetNames = ({ arch }: Host): string[] => instructionSets(arch).map(({ name }) => name);

async function manifestOf(folder: string, compilers: Compilers, host: Host): Promise<PlatformManifest> {
  const { wheel, key } = recipeFor("source", "cpu", host.platform, host.arch);
  const paths = addons.map((addon) => join(folder, addonFiles[addon]));
  const files = addons.map(async (addon) => [addon, await describeFile(folder, addon)] as const);
  return {
    engine: key,
    wheel: { file: wheel?.file ?? "", sha256: wheel?.sha256 },
    nodeApi: nodeApiVersion,
    kernelSources: await kernelsKey(host.arch),
    instructionSets: instructionSetNames(host),
    compilers,
    needs: host.platform === "linux" ? await inspectNeeds(paths, host) : undefined,
    files: Object.fromEntries(await Promise.all(files)) as PlatformManifest["files"],
  };
}

/** A compiler that does not know an instruction set leaves it out, which is right on its own machine alone. */
async function requireInstructionSets(kernels: string, sets: readonly string[]): Promise<void> {
  const bytes = await readFile(kernels);
  const missing = sets.filter((name) => !bytes.includes(`compute_${name}\0`));
  if (missing.length === 0) return;
  throw new SitError(
    "engine-install",
    `${kernels}: expected code for ${sets.join(", ")}, got none for ${missing.join(", ")}`,
    { mend: "Take a newer compiler, by $CXX." },
  );
}

async function copyStripped(from: string, to: string, host: Host): Promise<void> {
  await copyFile(from, to);
  const result = await host.run("strip", host.platform === "darwin" ? ["-x", to] : ["--strip-unneeded", to]);
  if (result.code === 0) return;
  throw new SitError("engine-install", `strip failed: ${lastLines(result, 3) || "it was not found"}`, {
    mend: "Install binutils (macOS: xcode-select --install).",
  });
}

async function describeFile(folder: string, addon: Addon): Promise<{ bytes: number; sha256: string }> {
  const bytes = await readFile(join(folder, addonFiles[addon]));
  return { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** What npm wants beside the addons: package.json, a README and the license, of the version of this package. */
async function describePackage(
  name: string,
  folder: string,
  manifest: PlatformManifest,
  { platform, arch, findPackage }: Host,
): Promise<void> {
  const own = findPackage("@sitjs/engine") ?? "";
  const { version, license, engines, repository, publishConfig } = JSON.parse(
    await readFile(join(own, "package.json"), "utf8"),
  ) as Record<string, unknown>;
  const described = {
    name,
    version,
    description: `The compiled addons of @sitjs/engine for ${platform} ${arch}`,
    license,
    os: [platform],
    cpu: [arch],
    ...(platform === "linux" ? { libc: ["glibc"] } : {}),
    engines,
    // Plug'n'Play keeps packages in archives, from which a system loads no library.
    preferUnplugged: true,
    files: [...Object.values(addonFiles), platformManifestName],
    repository,
    publishConfig,
  };
  await writeFile(join(folder, "package.json"), `${JSON.stringify(described, null, 2)}\n`);
  await writeFile(join(folder, "README.md"), readme(name, manifest, platform));
  await copyFile(join(own, "LICENSE"), join(folder, "LICENSE"));
}

function readme(
  name: string,
  { needs, wheel, instructionSets: sets }: PlatformManifest,
  platform: string,
): string {
  const system = needs === undefined ? platform : `glibc ${needs.glibc} and libstdc++ ${needs.libstdcxx}`;
  return `# ${name}

Compiled addons of [@sitjs/engine](https://www.npmjs.com/package/@sitjs/engine), which depends on this package and loads
them: nothing to import here. They compute with TensorFlow's official wheel (\`${wheel.file}\`), which
\`sit engine install\` or \`installEngine()\` fetches.

| file | compiled from |
| --- | --- |
| \`tfjs_binding.node\` | the sources of @tensorflow/tfjs-node, Apache-2.0, The TensorFlow Authors and Google LLC |
| \`kernels.node\` | \`kernels\` of @sitjs/engine; code for ${sets.join(", ")}, chosen when it is loaded |
| \`quiet.node\` | \`native\` of @sitjs/engine |

\`addons.json\` says by which compiler and for which versions, with the SHA-256 of each file. They need ${system} or later.
`;
}
