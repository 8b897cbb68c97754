import { createRequire } from "node:module";
import { SitError } from "@sitjs/core/errors";
import type { Host } from "../host.js";
import { findCompiler } from "../tools.js";
import type { InstalledEngine } from "../types.js";
import { buildKernels } from "./build.js";
import { earlierFailure, exists, kernelsPath, otherBuild } from "./built.js";
import { measureHolders } from "./holders.js";
import { kernelNames, registerKernels } from "./register.js";

/** The kernels that run, or in words why none do; `reason` is undefined where nothing could be expected. */
export interface LoadedKernels {
  readonly kernels: readonly string[];
  readonly reason?: string;
}

// On the process: TensorFlow ends it when an operation is registered twice.
const loadedSlot = Symbol.for("sitjs.kernels");

/** Loads the fused kernels into this process and registers them, building them first where sources have changed. */
export async function loadKernels(
  engine: InstalledEngine,
  host: Host,
  onBuild: () => void,
): Promise<LoadedKernels> {
  if (engine.includeDirectory === undefined || engine.variant !== "cpu") return { kernels: [] };
  const loaded = globalThis as { [loadedSlot]?: boolean };
  const first = loaded[loadedSlot] !== true;
  if (first) {
    try {
      createRequire(import.meta.url)(await builtKernels(engine, host, onBuild));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { kernels: [], reason: message.split("\n")[0] };
    }
    Object.defineProperty(globalThis, loadedSlot, { value: true });
  }
  registerKernels();
  if (first) measureHolders();
  return { kernels: kernelNames };
}

/** The addon built by this machine's compiler, now where need be; else one of the same sources by another. */
export async function builtKernels(
  engine: InstalledEngine,
  host: Host,
  onBuild: () => void,
): Promise<string> {
  const path = await kernelsPath(engine, host);
  if (await exists(path)) return path;
  try {
    const failure = await earlierFailure(path);
    if (failure !== undefined) throw new SitError("engine-install", failure);
    const compiler = await findCompiler(host);
    if (compiler === undefined) {
      throw new SitError("engine-install", "no C++17 compiler was found for the fused kernels");
    }
    onBuild();
    return await buildKernels(engine, compiler, host);
  } catch (error) {
    const other = await otherBuild(path);
    if (other === undefined) throw error;
    return other;
  }
}
