// The versions of Node that the packages are tried on, as binaries from npm.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, runNpm } from "../steps.mjs";

/** The oldest that the packages take, and a late one of each line after it. */
export const nodeVersions = ["20.19.0", "22.23.3", "24.18.0"];

/**
 * The binary of a version, fetched from npm unless it was before; undefined, and the reason printed, where it
 * cannot be had: npm has none for this platform, or does not answer.
 * @param {string} version as "22.23.3"
 * @returns {Promise<string | undefined>}
 */
export async function findNode(version) {
  if (version === process.versions.node) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(root, "dist", "nodes", version);
  const binary = join(folder, "node_modules", name, "bin", "node");
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  const { code, output } = await runNpm(
    [
      "install",
      "--prefer-offline",
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
      "--loglevel=error",
      `${name}@${version}`,
    ],
    { quiet: true, cwd: folder },
  );
  if (code === 0 && existsSync(binary)) return binary;
  console.error(`${name}@${version} cannot be had: npm ended with ${code}\n${output.trim()}`);
  return undefined;
}
