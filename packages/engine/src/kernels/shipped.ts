import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { writeFileAtomically } from "@sitjs/core/node";
import type { Host } from "../host.js";
import { findPlatformPackage, readAddon } from "../platform-package/find.js";
import { tensorflowVersion } from "../recipe.js";
import type { InstalledEngine } from "../types.js";
import { exists, removeOldBuilds } from "./built.js";

/** The kernels of a platform package in their place, or why they are not taken. */
export type ShippedKernels = { path: string; misfit?: undefined } | { path?: undefined; misfit: string };

/**
 * The kernels of this machine's platform package, copied beside the engine, from where they find TensorFlow. Undefined
 * where there is no such package, or it is for another engine than this one.
 */
export async function shippedKernels(
  engine: Pick<InstalledEngine, "directory" | "tensorflow">,
  host: Host,
): Promise<ShippedKernels | undefined> {
  if (engine.tensorflow !== tensorflowVersion) return undefined;
  const installed = await findPlatformPackage(host);
  if (installed === undefined) return undefined;
  if (!installed.fits) return { misfit: installed.reason };
  const { found } = installed;
  const { kernelSources, files } = found.manifest;
  const name = `${kernelSources}-${files.kernels.sha256.slice(0, 16)}.node`;
  const path = join(engine.directory, "kernels", name);
  if (await exists(path)) return { path };
  try {
    await writeFileAtomically(path, await readAddon(found, "kernels"));
    await removeOldBuilds(path);
    return { path };
  } catch (error) {
    if (!SitError.isInstance(error)) throw error;
    return { misfit: error.message };
  }
}
