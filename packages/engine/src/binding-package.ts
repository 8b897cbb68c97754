import { createHash } from "node:crypto";
import { mkdir, readdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { hashFile } from "@sitjs/core/node";
import { type Host, lastLines } from "./host.js";
import type { NpmPackage } from "./recipe.js";
import { unpack } from "./unpack.js";

/**
 * Fetches a package with the user's npm, so that his registry, mirror and proxy count, checks it against the
 * pinned integrity, and unpacks it into `target`. Runs none of its scripts.
 */
export async function fetchPackage(
  wanted: NpmPackage,
  folder: string,
  target: string,
  host: Host,
  signal?: AbortSignal,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const spec = `${wanted.name}@${wanted.version}`;
  // The folder is not among the arguments: on Windows these go through a shell.
  const args = ["pack", spec, "--ignore-scripts", "--workspaces=false", "--pack-destination=."];
  const result = await host.run("npm", args, { cwd: folder, signal });
  if (result.code === 127) {
    throw new SitError(
      "engine-install",
      "npm was not found, and the package of the native engine comes through it",
      {
        mend: "Install npm (it comes with Node). The wasm engine still works.",
      },
    );
  }
  const file = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
  if (result.code !== 0 || file === undefined) {
    throw new SitError("network", `npm could not fetch ${spec}: ${lastLines(result, 4)}`, {
      mend: "Check the network and the registry (npm config get registry). The wasm engine still works.",
    });
  }
  const archive = join(folder, file);
  const got = `sha512-${(await hashFile(archive, createHash("sha512"))).digest("base64")}`;
  if (got !== wanted.integrity) {
    throw new SitError("engine-install", `${spec}: expected integrity ${wanted.integrity}, got ${got}`, {
      mend: "The registry serves another file than the published one; use another registry. The wasm engine still works.",
    });
  }
  const unpacked = join(folder, "unpacked");
  await unpack(archive, unpacked, { signal });
  await mkdir(dirname(target), { recursive: true });
  // All of an npm package is in a folder of this name.
  await rename(join(unpacked, "package"), target);
}
