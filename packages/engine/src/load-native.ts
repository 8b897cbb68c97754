import { createRequire } from "node:module";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import * as tf from "@tensorflow/tfjs";
import { cacheFolder, findInstalled } from "./cache.js";
import type { Host } from "./host.js";
import { tfjsSlot } from "./shims.js";
import type { InstalledEngine, Variant } from "./types.js";
import { findUserPackage, restoreUtilFor } from "./user-package.js";

export interface NativePackage {
  packageDirectory: string;
  /** Made by `installEngine`, or by the user with npm. */
  origin: "cache" | "user";
  tensorflow?: string;
  /** The engine in the cache, where it is from there. */
  installed?: InstalledEngine;
}

export const installMend = (variant: Variant): string =>
  `Run \`sit engine install${variant === "gpu" ? " --variant gpu" : ""}\`, or call installEngine().`;

/** The native package that would be loaded: this package's own from the cache, else one the user installed. */
export async function findNative(variant: Variant, host: Host, cacheDir?: string): Promise<NativePackage> {
  const installed = await findInstalled(variant, host, cacheDir);
  if (installed !== undefined) {
    const { packageDirectory, tensorflow } = installed;
    return { packageDirectory, tensorflow, origin: "cache", installed };
  }
  const name = variant === "gpu" ? "@tensorflow/tfjs-node-gpu" : "@tensorflow/tfjs-node";
  const own = await findUserPackage(name);
  if (own?.complete) return { packageDirectory: own.packageDirectory, origin: "user" };
  const reason =
    own === undefined
      ? `no native ${variant} engine in ${cacheFolder(cacheDir, host.env)}, and ${name} is not installed`
      : `no native ${variant} engine in ${cacheFolder(cacheDir, host.env)}, and the addon of ${own.packageDirectory} is missing`;
  throw new SitError("engine-unavailable", reason, { mend: installMend(variant) });
}

/** What this package reads of tfjs-node's addon. */
interface NativeBackend {
  binding?: { TF_Version?: string };
  isUsingGpuDevice?: boolean;
}

export interface LoadedNative {
  tensorflow?: string;
  usesGpu: boolean;
  /** Threads TensorFlow was loaded with. */
  threads: number;
  /** The engine of the cache that was loaded, where it was one. */
  installed?: InstalledEngine;
}

const installedSlot = Symbol.for("sitjs.installed");

/** On the process, not in this module: another copy of this package may have loaded TensorFlow. */
const threadsSlot = Symbol.for("sitjs.threads");

/** Loads the addon into this process, once: TensorFlow reads its settings from the environment then. */
export async function loadNative(variant: Variant, host: Host, cacheDir?: string): Promise<LoadedNative> {
  if (tf.findBackend("tensorflow") === null) {
    const found = await findNative(variant, host, cacheDir);
    if (found.origin === "user") {
      await restoreUtilFor(found.packageDirectory, join(cacheFolder(cacheDir, host.env), "shims"));
    }
    Object.defineProperty(globalThis, tfjsSlot, { value: tf, configurable: true });
    Object.defineProperty(globalThis, threadsSlot, { value: threadsOf(host), configurable: true });
    try {
      const load = createRequire(import.meta.url);
      if (found.installed !== undefined) loadQuietly(found.installed, load, host);
      load(found.packageDirectory);
      Object.defineProperty(globalThis, installedSlot, { value: found.installed, configurable: true });
    } catch (error) {
      if (tf.findBackend("tensorflow") !== null) tf.removeBackend("tensorflow");
      const message = error instanceof Error ? error.message : String(error);
      throw new SitError("engine-unavailable", `${found.packageDirectory} did not load: ${message}`, {
        mend: `Make it anew: \`sit engine install --force\`.`,
        cause: error,
      });
    }
  }
  if (!(await tf.setBackend("tensorflow"))) {
    throw new SitError("engine-unavailable", "TensorFlow was loaded but did not start", {
      mend: "Make it anew: `sit engine install --force`.",
    });
  }
  await tf.ready();
  const backend = tf.backend() as NativeBackend;
  const usesGpu = backend.isUsingGpuDevice === true;
  if (variant === "cpu" && usesGpu) {
    throw new SitError(
      "engine-unavailable",
      "TensorFlow is already loaded in this process, for the graphics card",
      {
        mend: "Use it from a process of its own, or with CUDA_VISIBLE_DEVICES= in the environment.",
      },
    );
  }
  if (variant === "gpu" && !usesGpu) {
    throw new SitError("engine-unavailable", "TensorFlow was loaded but found no graphics card it can use", {
      mend: "It needs an NVIDIA driver and the CUDA libraries its wheel names; see the package's README.",
    });
  }
  const threads = (globalThis as { [threadsSlot]?: number })[threadsSlot] ?? threadsOf(host);
  const installed = (globalThis as { [installedSlot]?: InstalledEngine })[installedSlot];
  return { tensorflow: backend.binding?.TF_Version, usesGpu, threads, installed };
}

/** What TensorFlow takes when it is loaded: its variable, else all cores. */
function threadsOf(host: Host): number {
  return Number(host.env.TF_NUM_INTRAOP_THREADS) || host.cores;
}

/** TensorFlow's framework greets while it starts, whatever its log level; this loads it first, unheard. */
function loadQuietly(engine: InstalledEngine, load: NodeJS.Require, host: Host): void {
  const framework = engine.libraries.find((name) => name.includes("framework"));
  const wantsLog = host.env.TF_CPP_MIN_LOG_LEVEL === "0";
  if (engine.quietLoader === undefined || framework === undefined || wantsLog) return;
  const { load: open } = load(engine.quietLoader) as { load: (path: string) => void };
  open(join(engine.libraryDirectory, framework));
}
