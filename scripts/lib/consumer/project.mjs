// An empty project with the packages from their tarballs, as a user would make one.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, runNpm } from "../steps.mjs";

/** @typedef {import("../pack.mjs").Tarball} Tarball */

const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/**
 * Installs the tarballs, tfjs and Node's types into a folder, which is made, by npm on the given Node.
 * @param {string} folder outside of the repository, so that nothing of it is found from there
 * @param {{ tarballs: Tarball[], node: string }} options `node`: the binary
 * @throws {Error} with npm's words where the install fails
 */
export async function installProject(folder, { tarballs, node }) {
  mkdirSync(folder, { recursive: true });
  const dependencies = Object.fromEntries(tarballs.map(({ name, file }) => [name, `file:${file}`]));
  for (const name of ["@tensorflow/tfjs", "@types/node"]) dependencies[name] = devDependencies[name];
  writeFileSync(
    join(folder, "package.json"),
    `${JSON.stringify({ private: true, type: "module", dependencies }, undefined, 2)}\n`,
  );
  const { code, output } = await runNpm(
    ["install", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"],
    { quiet: true, cwd: folder, node },
  );
  if (code !== 0) throw new Error(`npm install of the tarballs ended with ${code}\n${output.trim()}`);
}
