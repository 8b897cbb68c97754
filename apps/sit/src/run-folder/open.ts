import { mkdir, rmdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { listCheckpoints } from "@sitjs/train/node";
import { checkRunFolder } from "./files.js";
import { lockRun, type RunLock } from "./lock.js";

/**
 * Looks whether a new run may begin in `folder`.
 *
 * @param replaceable looked at where there are checkpoints: whether they may go without having been asked for
 * @returns true where an earlier run will be replaced
 * @throws SitError "bad-option" where the folder holds something else than a run, or a run with checkpoints
 */
export async function requireFreeFolder(
  folder: string,
  { overwrite, replaceable }: { overwrite: boolean; replaceable?: () => Promise<boolean> },
): Promise<boolean> {
  const names = await checkRunFolder(folder);
  if (overwrite || names.length === 0) return names.length > 0;
  const { length } = await listCheckpoints(folder);
  if (length > 0 && !(await replaceable?.())) {
    const got = `that of an earlier run with ${length} checkpoint${length === 1 ? "" : "s"}`;
    throw new SitError("bad-option", `--out ${folder}: expected a new folder, got ${got}`, {
      mend: "--resume goes on with that run, --overwrite replaces it.",
    });
  }
  return true;
}

/** A run's folder, made and locked for this process. */
export interface OpenFolder {
  readonly lock: RunLock;
  /** Gives it free; a folder that was made for nothing goes. */
  close(): Promise<void>;
}

/** @throws SitError "bad-option" where another process uses it, "disk" where it cannot be made */
export async function openRunFolder(folder: string): Promise<OpenFolder> {
  let made: string | undefined;
  try {
    made = await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw new SitError("disk", `${folder}: cannot be made (${await whyNot(folder, cause as Error)})`, {
      mend: "Name another folder with --out.",
      cause,
    });
  }
  const lock = await lockRun(folder);
  return {
    lock,
    async close() {
      await lock.release();
      if (made !== undefined) await removeEmpty(resolve(folder), resolve(made));
    },
  };
}

/** Why a folder cannot be made: of a disk that is read-only, making several at once says that nothing is there. */
async function whyNot(folder: string, { message }: Error): Promise<string> {
  for (let each = resolve(folder); each !== dirname(each); each = dirname(each)) {
    const parent = await stat(dirname(each)).catch(() => undefined);
    if (parent === undefined) continue;
    const error = await mkdir(each).catch((cause: Error) => cause);
    return error?.message ?? message;
  }
  return message;
}

/** Removes folders that are empty, from `folder` up to `top`. */
async function removeEmpty(folder: string, top: string): Promise<void> {
  try {
    for (let each = folder; ; each = dirname(each)) {
      await rmdir(each);
      if (each === top) return;
    }
  } catch {
    // One that holds something stays, and those above it.
  }
}
