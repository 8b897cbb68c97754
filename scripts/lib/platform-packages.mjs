// The platform packages of @sitjs/engine: made on each platform, gathered for a release.
import { createHash } from "node:crypto";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

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

/**
 * What package.json of @sitjs/engine says when it is published: the platform packages as optional dependencies of its own
 * version, and the SHA-256 of their manifests, by which the engine knows those that it was released with. The
 * repository's own says neither, so that it installs where they are not published.
 * @param {Record<string, any>} manifest package.json of @sitjs/engine
 * @param {readonly { name: string, folder: string }[]} platformPackages
 */
export function withPlatformPackages(manifest, platformPackages) {
  const of = (value) => Object.fromEntries(platformPackages.map((each) => [each.name, value(each)]));
  const sum = ({ folder }) =>
    createHash("sha256")
      .update(readFileSync(join(folder, "addons.json")))
      .digest("hex");
  return {
    ...manifest,
    optionalDependencies: { ...manifest.optionalDependencies, ...of(() => manifest.version) },
    platformPackages: of(sum),
  };
}

/**
 * The platform packages of a release, in folders of their own below `outFolder`, with the version of the release: those in
 * `given` (what makePlatformPackage wrote on other machines, by folder name), and this machine's, made where it is not among
 * them.
 * @param {{ given?: string, outFolder: string, version: string }} options absolute folders
 * @returns {Promise<{ packages: { name: string, folder: string }[], missing: string[] }>}
 * @throws {Error} where one does not fit this version of @sitjs/engine, or is not what its manifest says
 */
export async function gatherPlatformPackages({ given, outFolder, version }) {
  const { packagedSystems, platformPackageName, verifyPlatformPackage } = await engine();
  const packages = [];
  const missing = [];
  for (const system of packagedSystems()) {
    const name = platformPackageName(system.platform, system.arch);
    const folder = join(outFolder, basename(name));
    const from = given && join(given, basename(name));
    const isHere = system.platform === process.platform && system.arch === process.arch;
    if (from && existsSync(from)) cpSync(from, folder, { recursive: true });
    else if (isHere) await makePlatformPackage(outFolder);
    else {
      missing.push(name);
      continue;
    }
    await verifyPlatformPackage(folder, system);
    editJson(join(folder, "package.json"), (manifest) => ({ ...manifest, version }));
    packages.push({ name, folder });
  }
  return { packages, missing };
}

/**
 * Writes what `change` makes of a JSON file's value.
 * @param {string} file
 * @param {(value: any) => unknown} change
 */
export function editJson(file, change) {
  writeFileSync(file, `${JSON.stringify(change(JSON.parse(readFileSync(file, "utf8"))), null, 2)}\n`);
}
