// The steps of a release: the packages with their next versions in a copy of the repository, as tarballs, in order.
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { publishedPackages } from "./entries.mjs";
import { packAll, packFolder } from "./pack.mjs";
import { editJson, gatherPlatformPackages, withPlatformPackages } from "./platform-packages.mjs";
import { root, runGit, runNode, toolScript } from "./steps.mjs";

/** @typedef {import("./pack.mjs").Tarball} Tarball */

/**
 * @typedef {object} Release
 * @property {(Tarball & { from: string, changes: string })[]} tarballs in the order they are published; `from` is the
 * version in the repository, `changes` the newest part of the changelog
 * @property {string[]} missing platform packages that nobody has made
 */

/**
 * Makes the tarballs of what is committed, with the waiting changesets applied, below `scratch`. The repository stays as it
 * is; its packages are built.
 * @param {{ scratch: string, platforms?: string }} options absolute folders; `platforms` as in gatherPlatformPackages
 * @returns {Promise<Release>}
 */
export async function stageRelease({ scratch, platforms }) {
  const copy = join(scratch, "repository");
  const before = new Map(publishedPackages().map(({ name, version }) => [name, version]));
  await copyRepository(copy);
  const manifests = publishedPackages(copy);
  const engine = manifests.find(({ name }) => name === "@sitjs/engine");
  const { packages, missing } = await gatherPlatformPackages({
    given: platforms,
    outFolder: join(scratch, "platforms"),
    version: engine.version,
  });
  editJson(join(engine.folder, "package.json"), (manifest) => withPlatformPackages(manifest, packages));

  const outFolder = join(scratch, "tarballs");
  const tarballs = [];
  for (const { folder } of packages) {
    tarballs.push({ ...(await packFolder(folder, outFolder)), from: engine.version, changes: "" });
  }
  const packed = await packAll(outFolder, copy);
  for (const { name, folder } of publishOrder(manifests)) {
    const tarball = packed.find((each) => each.name === name);
    tarballs.push({ ...tarball, from: before.get(name), changes: newestChanges(folder) });
  }
  return { tarballs, missing };
}

/** What is committed, with the packages built here and the versions that the changesets ask for. */
async function copyRepository(copy) {
  const cloned = await runGit(["clone", "--quiet", "--shared", root, copy]);
  if (cloned.code !== 0) throw new Error(`git clone: ${cloned.output}`);
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"), "junction");
  for (const { folder } of publishedPackages()) {
    const dist = join(folder, "dist");
    const target = join(copy, relative(root, dist));
    mkdirSync(target, { recursive: true });
    cpSync(dist, target, { recursive: true });
  }
  const { code, output } = await runNode(toolScript("@changesets/cli", "changeset"), ["version"], {
    quiet: true,
    cwd: copy,
  });
  if (code !== 0) throw new Error(`changeset version: expected exit code 0, got ${code}\n${output}`);
}

/**
 * Packages after all that they depend on.
 * @template {{ name: string, dependencies?: Record<string, string>, peerDependencies?: Record<string, string> }} Manifest
 * @param {readonly Manifest[]} manifests
 * @returns {Manifest[]}
 */
export function publishOrder(manifests) {
  const ordered = new Set();
  const add = (manifest, dependents) => {
    if (dependents.includes(manifest.name)) {
      throw new Error(`packages depend on each other: ${[...dependents, manifest.name].join(" -> ")}`);
    }
    const names = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    for (const each of manifests) if (names.includes(each.name)) add(each, [...dependents, manifest.name]);
    ordered.add(manifest);
  };
  for (const manifest of manifests) add(manifest, []);
  return [...ordered];
}

/** The part of the changelog on the newest version; empty where there is no changelog. */
function newestChanges(folder) {
  const file = join(folder, "CHANGELOG.md");
  if (!existsSync(file)) return "";
  return (
    readFileSync(file, "utf8")
      .split(/^## .*$/m)[1]
      ?.trim() ?? ""
  );
}

/**
 * Publishes tarballs in turn. Those of a version that the registry has are passed over, so that a release which was broken
 * off goes on.
 * @param {readonly Tarball[]} tarballs
 * @param {(args: string[]) => Promise<{ code: number, output: string }>} npm
 * @param {(line: string) => void} say
 * @param {readonly string[]} options of npm publish
 * @throws {Error} at the first that npm refuses; what was published before stays
 */
export async function publishAll(tarballs, npm, say, options) {
  for (const { name, version, file } of tarballs) {
    if (await isPublished(name, version, npm)) {
      say(`${name} ${version} is there already`);
      continue;
    }
    const { code, output } = await npm(["publish", file, "--access", "public", ...options]);
    if (code !== 0)
      throw new Error(`npm publish of ${name} ${version} ended with exit code ${code}\n${output}`);
    say(`${name} ${version} published`);
  }
}

async function isPublished(name, version, npm) {
  const { code, output } = await npm(["view", `${name}@${version}`, "version"]);
  if (code === 0) return output.split("\n").includes(version);
  if (output.includes("E404")) return false;
  throw new Error(`npm view ${name}@${version}: expected an answer of the registry, got\n${output}`);
}
