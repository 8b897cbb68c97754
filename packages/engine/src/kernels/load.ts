import { createRequire } from "node:module";
import { SitError } from "@sitjs/core/errors";
import type { Host } from "../host.js";
import { withReason } from "../platform-package/find.js";
import { findCompiler } from "../tools.js";
import type { InstalledEngine } from "../types.js";
import { buildKernels, headersOf } from "./build.js";
import { earlierFailure, exists, kernelsPath, otherBuild } from "./built.js";
import { measureHolders } from "./holders.js";
import { kernelNames, registerKernels } from "./register.js";
import { shippedKernels } from "./shipped.js";

/** The kernels that run, or in words why none do; `reason` is undefined where nothing could be expected. */
export interface LoadedKernels {
  readonly kernels: readonly string[];
  readonly reason?: string;
}

/** What this package calls of the kernels' addon. */
interface KernelAddon {
  /** Gives the memory back that was freed; whether any went. An addon of an earlier version has none. */
  readonly release?: () => boolean;
}

// On the process: TensorFlow ends it when an operation is registered twice.
const loadedSlot = Symbol.for("sitjs.kernels");
const loaded = globalThis as { [loadedSlot]?: KernelAddon };

/** How kernels are had. */
export interface KernelOptions {
  /** Is told that they are being compiled, and why those of an installed platform package are not taken. */
  onBuild: (misfit: string | undefined) => void;
  /** Compile again what failed before. */
  retry?: boolean;
  signal?: AbortSignal;
}

/** Whether there are kernels for this engine: the official prebuilt has another TensorFlow. */
export function canHaveKernels({ method, variant }: Pick<InstalledEngine, "method" | "variant">): boolean {
  return method !== "official" && variant === "cpu";
}

/** Loads the fused kernels into this process and registers them, building them first where sources have changed. */
export async function loadKernels(
  engine: InstalledEngine,
  host: Host,
  onBuild: KernelOptions["onBuild"],
): Promise<LoadedKernels> {
  if (!canHaveKernels(engine)) return { kernels: [] };
  const first = loaded[loadedSlot] === undefined;
  if (first) {
    let addon: KernelAddon;
    try {
      addon = createRequire(import.meta.url)(await findKernels(engine, host, { onBuild }));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { kernels: [], reason: message.split("\n")[0] };
    }
    Object.defineProperty(globalThis, loadedSlot, { value: addon });
  }
  registerKernels();
  if (first) measureHolders();
  return { kernels: kernelNames };
}

/**
 * Gives the memory back to the system that was freed and that the C library keeps for later: it has a store for most of
 * the threads that have ever asked, and what lies there comes and goes by tens of megabytes in a long run. Takes
 * milliseconds, and what is asked for again has to be had anew: for a checkpoint or the end of an epoch, not for every
 * step.
 *
 * @returns whether any went; always false without the fused kernels, and with other C libraries than glibc
 */
export function releaseMemory(): boolean {
  return loaded[loadedSlot]?.release?.() ?? false;
}

/**
 * The addon of the platform package where it fits; else that built by this machine's compiler, now where need be; else
 * one of the same sources by another.
 */
export async function findKernels(
  engine: InstalledEngine,
  host: Host,
  { onBuild, retry = false, signal }: KernelOptions,
): Promise<string> {
  const shipped = await shippedKernels(engine, host);
  if (shipped?.path !== undefined) return shipped.path;
  const path = await kernelsPath(engine, host);
  if (await exists(path)) return path;
  try {
    const failure = retry ? undefined : await earlierFailure(path);
    if (failure !== undefined) throw new SitError("engine-install", failure);
    const compiler = await findCompiler(host);
    if (compiler === undefined) {
      throw new SitError("engine-install", "no C++17 compiler was found for the fused kernels");
    }
    headersOf(engine);
    onBuild(shipped?.misfit);
    return await buildKernels(engine, compiler, host, signal);
  } catch (error) {
    if (signal?.aborted) throw error;
    const other = await otherBuild(path);
    if (other !== undefined) return other;
    if (shipped === undefined || !SitError.isInstance(error)) throw error;
    throw withReason(shipped.misfit, error);
  }
}
