import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { parseJsonBytes } from "@sitjs/core/json";

/** Beside the addons in a platform package: what they are. */
export const platformManifestName = "addons.json";

/** The files of a platform package by what they are. */
export const addonFiles = {
  binding: "tfjs_binding.node",
  quietLoader: "quiet.node",
  kernels: "kernels.node",
} as const;
export type Addon = keyof typeof addonFiles;
export const addons = Object.keys(addonFiles) as readonly Addon[];

/** What the addons of a platform package were compiled from and for. */
export interface PlatformManifest {
  /** Key of the recipe of a build from source: versions of tfjs-node and TensorFlow, system, and way of building. */
  engine: string;
  /** The wheel with whose headers and libraries they were compiled. */
  wheel: { file: string; sha256?: string };
  /** Version of Node-API. */
  nodeApi: number;
  /** `kernelsKey` of the sources and flags of the fused kernels. */
  kernelSources: string;
  /** What the kernels hold code for. */
  instructionSets: string[];
  compilers: Record<"binding" | "kernels", string>;
  /** The oldest system libraries they load with; on Linux alone. */
  needs?: { glibc: string; libstdcxx: string };
  files: Record<Addon, { bytes: number; sha256: string }>;
}

/**
 * The manifest in the folder of a platform package, and its bytes.
 *
 * @throws SitError "bad-file" where there is none, or not in this form
 */
export async function readPlatformManifest(
  folder: string,
): Promise<{ manifest: PlatformManifest; bytes: Uint8Array }> {
  const file = join(folder, platformManifestName);
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new SitError("bad-file", `${file}: cannot be read`, { cause });
  });
  const manifest = parseJsonBytes(bytes, file) as Partial<PlatformManifest> | null;
  const whole =
    typeof manifest?.engine === "string" &&
    typeof manifest.kernelSources === "string" &&
    addons.every((addon) => typeof manifest.files?.[addon]?.sha256 === "string");
  if (!whole) throw new SitError("bad-file", `${file}: expected engine, kernelSources and files, got others`);
  return { manifest: manifest as PlatformManifest, bytes };
}
