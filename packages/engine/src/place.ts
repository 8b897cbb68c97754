import { randomUUID } from "node:crypto";
import { access, mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { makeFolder, withLock } from "@sitjs/core/node";
import { manifestName } from "./cache.js";
import { aborted } from "./host.js";

export interface PlaceOptions {
  /** Folder that holds the finished engines. */
  root: string;
  key: string;
  force?: boolean;
  signal?: AbortSignal;
  /** A lock whose owner has not touched it for so long belongs to a killed install; at least 2000. */
  staleMilliseconds?: number;
  onWait?: () => void;
  /** Makes the engine in `directory`, `engine.json` last. */
  build: (directory: string, signal: AbortSignal) => Promise<void>;
}

const unfinished = ".unfinished-";

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Makes one engine folder, or finds it made. At most one install works in `root` at a time; the folder appears
 * under its own name only when complete; what killed installs left is removed.
 */
export async function place(options: PlaceOptions): Promise<string> {
  const { root, key, force = false } = options;
  const target = join(root, key);
  const complete = async () => await exists(join(target, manifestName));
  if (!force && (await complete())) return target;
  await makeFolder(root);

  const { signal, staleMilliseconds, onWait } = options;
  return await withLock(join(root, ".install.lock"), (held) => placeAlone(options, target, complete, held), {
    signal,
    staleMilliseconds,
    onWait,
    named: root,
  });
}

async function placeAlone(
  { root, key, force = false, build, signal: cancelled }: PlaceOptions,
  target: string,
  complete: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<string> {
  // Another install may have finished while this one waited.
  if (!force && (await complete())) return target;
  for (const name of await readdir(root)) {
    if (name.startsWith(unfinished)) await rm(join(root, name), { recursive: true, force: true });
  }
  const id = `${key}-${process.pid}-${randomUUID()}`;
  const directory = join(root, `${unfinished}${id}`);
  const replaced = join(root, `${unfinished}replaced-${id}`);
  try {
    await mkdir(directory);
    await build(directory, signal);
    if (signal.aborted) throw aborted();
    if (await exists(target)) await rename(target, replaced);
    await rename(directory, target);
    await rm(replaced, { recursive: true, force: true });
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    if (signal.aborted && !cancelled?.aborted) {
      throw new SitError("engine-install", `another install took over the folder ${root}`, {
        mend: "Try again once it has ended.",
        cause: error,
      });
    }
    throw error;
  }
  return target;
}
