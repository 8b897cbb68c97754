import { SitError } from "@sitjs/core/errors";
import { cacheFolder } from "./cache.js";
import { type Host, nodeHost } from "./host.js";
import { findNative, installMend, type NativePackage } from "./load-native.js";
import { findPlatformPackage } from "./platform-package/find.js";
import { checkNative } from "./smoke.js";
import { findCompiler, findGpu, findNpm, findPip, type Gpu, type Tool } from "./tools.js";
import type { EngineName, Variant } from "./types.js";
import { engineNames, noDriver } from "./use-engine.js";

export interface EngineStatus {
  name: EngineName;
  available: boolean;
  /** Where it comes from, if it is available. */
  detail?: string;
  /** Why it is not available. */
  reason?: string;
  mend?: string;
}

export interface PlatformPackageStatus {
  /** Its name and version. */
  label: string;
  /** Whether `installEngine` takes its addons instead of compiling. */
  fits: boolean;
  /** Why it does not fit. */
  reason?: string;
}

/** What `sit doctor` prints. */
export interface Diagnosis {
  node: string;
  platform: string;
  arch: string;
  cpu: string;
  cores: number;
  memoryBytes: number;
  npm?: Tool;
  compiler?: Tool;
  pip?: Tool;
  gpu?: Gpu;
  /** The npm package with compiled addons for this machine, and whether it fits; undefined where it is not installed. */
  platformPackage?: PlatformPackageStatus;
  cacheDir: string;
  /** Undefined where the cache folder cannot be made. */
  freeBytes?: number;
  engines: EngineStatus[];
}

/** Looks at the machine and tries each engine; a native one is loaded in a process of its own. Changes nothing. */
export async function diagnose(options: { cacheDir?: string } = {}): Promise<Diagnosis> {
  return await diagnoseOn(nodeHost(), options);
}

/** `diagnose` on a given machine. */
export async function diagnoseOn(host: Host, options: { cacheDir?: string }): Promise<Diagnosis> {
  const cacheDir = cacheFolder(options.cacheDir, host.env);
  const [npm, compiler, pip, gpu] = await Promise.all([
    findNpm(host),
    findCompiler(host),
    findPip(host),
    findGpu(host),
  ]);
  const engines: EngineStatus[] = [];
  for (const name of engineNames) engines.push(await statusOf(name, gpu, host, cacheDir));
  return {
    node: host.nodeVersion,
    platform: host.platform,
    arch: host.arch,
    cpu: host.cpuModel,
    cores: host.cores,
    memoryBytes: host.memoryBytes,
    npm,
    compiler,
    pip,
    gpu,
    platformPackage: await platformPackageStatus(host),
    cacheDir,
    freeBytes: await host.freeBytes(cacheDir).catch(() => undefined),
    engines,
  };
}

async function platformPackageStatus(host: Host): Promise<PlatformPackageStatus | undefined> {
  const installed = await findPlatformPackage(host);
  return installed && { label: installed.label, fits: installed.fits, reason: installed.reason };
}

async function statusOf(
  name: EngineName,
  gpu: Gpu | undefined,
  host: Host,
  cacheDir: string,
): Promise<EngineStatus> {
  if (name === "wasm") return { name, available: true, detail: "part of this package; one core" };
  if (name === "cpu") return { name, available: true, detail: "plain JavaScript; for small tests" };
  const variant: Variant = name === "tfjs-node-gpu" ? "gpu" : "cpu";
  if (variant === "gpu" && gpu === undefined) {
    return {
      name,
      available: false,
      reason: noDriver,
      mend: "Install the NVIDIA driver, if there is such a card.",
    };
  }
  try {
    const found = await findNative(variant, host, cacheDir);
    // A package of the user's own may need its own dependencies, and is only looked at.
    if (found.origin === "cache") await checkNative(found.packageDirectory, host);
    const version = found.tensorflow === undefined ? "" : `TensorFlow ${found.tensorflow}, `;
    return { name, available: true, detail: `${version}${originOf(found)}${found.packageDirectory}` };
  } catch (error) {
    if (!SitError.isInstance(error)) throw error;
    return { name, available: false, reason: error.message, mend: error.mend ?? installMend(variant) };
  }
}

/** How an engine of the cache was made. */
function originOf({ installed }: NativePackage): string {
  if (installed === undefined) return "";
  const { method, platformPackage } = installed;
  if (method === "package") return `addons of ${platformPackage}, `;
  return method === "source" ? "compiled here, " : "official prebuilt, ";
}
