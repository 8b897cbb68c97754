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
 * @returns {Promise<Tarball[]>} in the order of `publishedPackages`
 * @throws {Error} where a package is not built, or npm fails
 */
export async function packAll(outFolder) {
  const packages = publishedPackages();
  const unbuilt = packages.find(({ folder }) => !existsSync(join(folder, "dist")));
  if (unbuilt !== undefined) {
    const place = relative(root, join(unbuilt.folder, "dist"));
    throw new Error(`${place}: expected what the build makes, got nothing; npm run build makes it`);
  }
  mkdirSync(outFolder, { recursive: true });
  const workspaces = packages.flatMap(({ name }) => ["--workspace", name]);
  const { code, output } = await runNpm(
    [
      "pack",
      "--json",
      "--ignore-scripts",
      "--loglevel=error",
      "--pack-destination",
      outFolder,
      ...workspaces,
    ],
    { quiet: true },
  );
  if (code !== 0) throw new Error(`npm pack: expected exit code 0, got ${code}\n${output}`);
  /** @type {{ name: string, version: string, filename: string, size: number, unpackedSize: number, files: { path: string }[] }[]} */
  const packed = JSON.parse(output.slice(output.indexOf("[")));
  return packages.map(({ name }) => {
    const { version, filename, size, unpackedSize, files } = packed.find((each) => each.name === name);
    const paths = files.map(({ path }) => path);
    return {
      name,
      version,
      file: join(outFolder, filename),
      bytes: size,
      unpackedBytes: unpackedSize,
      files: paths,
    };
  });
}
