// The packages as npm would publish them.
import { existsSync, mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { publishedPackages } from "./entries.mjs";
import { root, runNpm } from "./steps.mjs";

/**
 * One package's tarball. `bytes` is its size, `unpackedBytes` that of what is in it, `files` the paths in it.
 * @typedef {{ name: string, version: string, file: string, bytes: number, unpackedBytes: number, files: string[] }} Tarball
 */

/**
 * Packs every published package, built before, into a folder, which is made where it is not there.
 * @param {string} outFolder absolute
 * @param {string} [from] the repository, or a copy of it
 * @returns {Promise<Tarball[]>} in the order of `publishedPackages`
 * @throws {Error} where a package is not built, or npm fails
 */
export async function packAll(outFolder, from = root) {
  const packages = publishedPackages(from);
  const unbuilt = packages.find(({ folder }) => !existsSync(join(folder, "dist")));
  if (unbuilt !== undefined) {
    const place = relative(from, join(unbuilt.folder, "dist"));
    throw new Error(`${place}: expected what the build makes, got nothing; npm run build makes it`);
  }
  const workspaces = packages.flatMap(({ name }) => ["--workspace", name]);
  const packed = await pack(workspaces, outFolder, from);
  return packages.map(({ name }) => packed.find((each) => each.name === name));
}

/**
 * Packs the package in one folder, of no workspace, as `packAll`.
 * @param {string} folder absolute
 * @param {string} outFolder absolute
 * @returns {Promise<Tarball>}
 */
export async function packFolder(folder, outFolder) {
  const [packed] = await pack([], outFolder, folder);
  return packed;
}

/** @returns {Promise<Tarball[]>} */
async function pack(options, outFolder, cwd) {
  mkdirSync(outFolder, { recursive: true });
  const { code, output } = await runNpm(
    ["pack", "--json", "--ignore-scripts", "--loglevel=error", "--pack-destination", outFolder, ...options],
    { quiet: true, cwd },
  );
  if (code !== 0) throw new Error(`npm pack: expected exit code 0, got ${code}\n${output}`);
  /** @type {{ name: string, version: string, filename: string, size: number, unpackedSize: number, files: { path: string }[] }[]} */
  const packed = JSON.parse(output.slice(output.indexOf("[")));
  return packed.map(({ name, version, filename, size, unpackedSize, files }) => ({
    name,
    version,
    file: join(outFolder, filename),
    bytes: size,
    unpackedBytes: unpackedSize,
    files: files.map(({ path }) => path),
  }));
}
