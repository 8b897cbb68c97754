// The platform packages of @sitjs/engine: made on each platform, gathered for a release.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { root } from "./steps.mjs";

/** Loaded when it is needed: it is there once the packages are installed and built. */
const engine = async () => await import("@sitjs/engine/platform-package");

/**
 * Makes this machine's platform package in a folder of its own below `outFolder`.
 * @param {string} outFolder absolute
 * @returns {Promise<{ name: string, folder: string, manifest: import("@sitjs/engine/platform-package").PlatformManifest }>}
 */
export async function makePlatformPackage(outFolder) {
  const { writePlatformPackage, platformPackageName } = await engine();
  const folder = join(outFolder, basename(platformPackageName(process.platform, process.arch)));
  let shown = "";
  const { name, manifest } = await writePlatformPackage({
    folder,
    onProgress({ stage, detail }) {
      if (stage !== shown && stage !== "done") console.log(`  ${detail ?? stage}`);
      shown = stage;
    },
  });
  return { name, folder, manifest };
}
