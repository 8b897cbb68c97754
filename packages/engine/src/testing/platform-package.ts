import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Host } from "../host.js";
import { kernelsKey } from "../kernels/sources.js";
import {
  addonFiles,
  addons,
  type PlatformManifest,
  platformManifestName,
} from "../platform-package/manifest.js";
import { recipeFor } from "../recipe.js";

/**
 * A platform package for linux in `folder`, whose addons are texts, and @sitjs/engine beside it; `found` lets a fake host
 * find both.
 */
export async function fakePlatformPackage(
  folder: string,
  changes: Partial<PlatformManifest> = {},
  arch = "x64",
): Promise<{ packageFolder: string; engineFolder: string; manifestSum: string; found: Partial<Host> }> {
  const [packageFolder, engineFolder] = [join(folder, "platform"), join(folder, "engine")];
  await mkdir(packageFolder);
  await mkdir(engineFolder);
  await writeFile(join(engineFolder, "package.json"), "{}");
  await writeFile(join(packageFolder, "package.json"), '{ "version": "1.2.3" }');
  const described: [string, { bytes: number; sha256: string }][] = [];
  for (const addon of addons) {
    await writeFile(join(packageFolder, addonFiles[addon]), addon);
    const sha256 = createHash("sha256").update(addon).digest("hex");
    described.push([addon, { bytes: addon.length, sha256 }]);
  }
  const manifest: PlatformManifest = {
    engine: recipeFor("source", "cpu", "linux", arch).key,
    wheel: { file: "t.whl" },
    nodeApi: 8,
    kernelSources: await kernelsKey(arch),
    instructionSets: ["base"],
    compilers: { binding: "g++ 12", kernels: "g++ 12" },
    needs: { glibc: "2.28", libstdcxx: "3.4.21" },
    files: Object.fromEntries(described) as PlatformManifest["files"],
    ...changes,
  };
  const text = JSON.stringify(manifest);
  await writeFile(join(packageFolder, platformManifestName), text);
  const folders: Record<string, string> = {
    [`@sitjs/engine-linux-${arch}`]: packageFolder,
    "@sitjs/engine": engineFolder,
  };
  return {
    packageFolder,
    engineFolder,
    manifestSum: createHash("sha256").update(text).digest("hex"),
    found: { arch, findPackage: (name) => folders[name] },
  };
}
