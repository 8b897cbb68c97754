import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import type { Host } from "../host.js";
import { kernelsKey } from "../kernels/sources.js";
import { recipeFor, supportsMethod } from "../recipe.js";
import { type Addon, addonFiles, addons, type PlatformManifest, readPlatformManifest } from "./manifest.js";

/** An npm package with the compiled addons for one system, as `@sitjs/engine-linux-x64`. */
export interface PlatformPackage {
  /** Its name and version. */
  label: string;
  folder: string;
  manifest: PlatformManifest;
}

/** A platform package that is installed: one that fits, or why it does not. */
export type FoundPlatformPackage =
  | { label: string; fits: true; found: PlatformPackage; reason?: undefined }
  | { label: string; fits: false; reason: string };

type System = Pick<Host, "platform" | "arch">;

/** The name of the platform package for a system. */
export const platformPackageName = (platform: string, arch: string): string =>
  `@sitjs/engine-${platform}-${arch}`;

/**
 * The platform package of this machine, where it is installed: it fits if it was compiled for this package's engine and
 * kernels, and loads with this machine's glibc. Its addons are not looked at: `readAddon` does that.
 */
export async function findPlatformPackage(host: Host): Promise<FoundPlatformPackage | undefined> {
  const { platform, arch } = host;
  if (!supportsMethod("package", "cpu", platform, arch)) return undefined;
  const name = platformPackageName(platform, arch);
  const folder = host.findPackage(name);
  if (folder === undefined) return undefined;
  const label = `${name} ${await versionOf(folder)}`;
  try {
    const { manifest, bytes } = await readPlatformManifest(folder);
    const reason =
      (await misfit(manifest, host)) ?? (await unlikeReleased(name, bytes, host)) ?? tooOld(manifest, host);
    if (reason !== undefined) return { label, fits: false, reason: `${label}: ${reason}` };
    return { label, fits: true, found: { label, folder, manifest } };
  } catch (error) {
    if (!SitError.isInstance(error)) throw error;
    return { label, fits: false, reason: `${label}: ${error.message}` };
  }
}

/**
 * The bytes of one addon, compared with the manifest.
 *
 * @throws SitError "engine-install" where they are others
 */
export async function readAddon(
  { label, folder, manifest }: PlatformPackage,
  addon: Addon,
): Promise<Uint8Array> {
  const file = addonFiles[addon];
  const bytes = await readFile(join(folder, file)).catch(() => undefined);
  const got = bytes === undefined ? "no file that can be read" : sha256Of(bytes);
  const expected = manifest.files[addon].sha256;
  if (bytes !== undefined && got === expected) return bytes;
  throw new SitError("engine-install", `${label}: ${file}: expected sha256 ${expected}, got ${got}`, {
    mend: "Install that package anew. The wasm engine still works.",
  });
}

/**
 * Looks through the folder of a platform package for any system: its addons must be what its manifest says, and that must
 * fit this version of @sitjs/engine.
 *
 * @throws SitError "bad-file" or "engine-install" with what is wrong
 */
export async function verifyPlatformPackage(folder: string, system: System): Promise<void> {
  const label = platformPackageName(system.platform, system.arch);
  const { manifest } = await readPlatformManifest(folder);
  const reason = await misfit(manifest, system);
  if (reason !== undefined) throw new SitError("engine-install", `${folder}: ${reason}`);
  for (const addon of addons) await readAddon({ label, folder, manifest }, addon);
}

/** The same error, after the reason why no platform package was taken. */
export function withReason(misfit: string, error: SitError): SitError {
  return new SitError(error.code, `${misfit}; ${error.message}`, { mend: error.mend, cause: error });
}

function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function versionOf(folder: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as {
    version?: string;
  };
  return String(version);
}

async function misfit(
  { engine, kernelSources }: PlatformManifest,
  { platform, arch }: System,
): Promise<string | undefined> {
  const { key } = recipeFor("source", "cpu", platform, arch);
  if (engine !== key) return `expected addons for ${key}, got some for ${engine}`;
  const sources = await kernelsKey(arch);
  if (kernelSources !== sources) return `expected kernels of sources ${sources}, got ${kernelSources}`;
  return undefined;
}

/** A release of this package names the manifest of each platform package that came with it. */
async function unlikeReleased(name: string, bytes: Uint8Array, host: Host): Promise<string | undefined> {
  const own = host.findPackage("@sitjs/engine");
  if (own === undefined) return undefined;
  const { platformPackages } = JSON.parse(await readFile(join(own, "package.json"), "utf8")) as {
    platformPackages?: Record<string, string>;
  };
  const expected = platformPackages?.[name];
  const got = sha256Of(bytes);
  return expected === undefined || expected === got
    ? undefined
    : `expected the manifest ${expected} of this release, got ${got}`;
}

function tooOld({ needs }: PlatformManifest, { glibc }: Host): string | undefined {
  if (needs === undefined || glibc === undefined || !isOlder(glibc, needs.glibc)) return undefined;
  return `expected glibc ${needs.glibc} or later, got ${glibc}`;
}

function isOlder(version: string, wanted: string): boolean {
  return version.localeCompare(wanted, "en", { numeric: true }) < 0;
}
