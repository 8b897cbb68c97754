import { createHash } from "node:crypto";
import { access, readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Host } from "../host.js";
import { compilerIdentity } from "../tools.js";
import type { InstalledEngine } from "../types.js";
import { kernelsKey } from "./sources.js";

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

/**
 * Where the addon of these sources lies, beside its engine, once this machine's compiler has built it:
 * `<sources>-<machine>.node`, of which the second part changes with the compiler and the processor.
 */
export async function kernelsPath(engine: Pick<InstalledEngine, "directory">, host: Host): Promise<string> {
  const machine = createHash("sha256")
    .update(JSON.stringify([await compilerIdentity(host), host.cpuModel]))
    .digest("hex")
    .slice(0, 16);
  return join(engine.directory, "kernels", `${await kernelsKey(host.arch)}-${machine}.node`);
}

export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/** Why an earlier build of these sources by this compiler failed; undefined where it did not. */
export async function earlierFailure(path: string): Promise<string | undefined> {
  return await readFile(failurePath(path), "utf8").catch(() => undefined);
}

export const failurePath = (path: string): string => `${path}.failed`;

/**
 * The newest addon of the same sources as that of `path`, by another compiler or for another processor: it holds code
 * for every instruction set, so it runs here too.
 */
export async function otherBuild(path: string): Promise<string | undefined> {
  const sources = basename(path).split("-", 1)[0];
  const builds = (await entries(dirname(path))).filter(
    ({ name }) => name.startsWith(`${sources}-`) && name.endsWith(".node"),
  );
  return builds.sort((a, b) => b.modified - a.modified)[0]?.path;
}

/** Removes what was built before `path` and is older than a day: a younger one may be another checkout's. */
export async function removeOldBuilds(path: string, now = Date.now()): Promise<void> {
  for (const entry of await entries(dirname(path))) {
    const old = entry.modified < now - DAY_MILLISECONDS;
    if (old && entry.path !== path) await rm(entry.path, { recursive: true, force: true });
  }
}

/** What lies in the folder of the builds. Another process may take a file away meanwhile. */
async function entries(
  folder: string,
): Promise<{ readonly name: string; readonly path: string; readonly modified: number }[]> {
  const names = await readdir(folder).catch(() => []);
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      const modified = await stat(path).then(
        ({ mtimeMs }) => mtimeMs,
        () => undefined,
      );
      return modified === undefined ? [] : [{ name, path, modified }];
    }),
  );
  return found.flat();
}
