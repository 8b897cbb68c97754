import { randomUUID } from "node:crypto";
import { rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { SitError } from "../errors.js";
import { flushFolder, makeFolder } from "./flush.js";

export interface StageOptions {
  /** Where to write, on the same disk; what is there already stays. Default: a new folder beside `folder`, with a dot before its name. */
  readonly path?: string;
}

/** A folder beside its place, to write to, which takes that place when all is done. */
export interface StagedFolder {
  readonly path: string;
  /** Puts it in its place; what was there goes. Throws `SitError("disk")`, and what was there stays. */
  commit(): Promise<void>;
  /** Takes it away; nothing is left. */
  discard(): Promise<void>;
}

/**
 * Makes an empty folder beside `folder`, for many files that belong together. The files are the caller's to flush, as
 * `writeFileAtomically` does.
 * @throws SitError "disk", naming the folder
 */
export async function stageFolder(folder: string, options: StageOptions = {}): Promise<StagedFolder> {
  const target = resolve(folder);
  const beside = (kind: string) => join(dirname(target), `.${basename(target)}.${randomUUID()}.${kind}`);
  const { path = beside("partial") } = options;
  const failed = (cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new SitError("disk", `${folder}: cannot be written (${reason})`, { cause });
  };
  await makeFolder(path).catch((cause: unknown) => {
    throw failed(cause);
  });
  return {
    path,
    async commit() {
      const old = beside("old");
      try {
        await flushFolder(path);
        const replaced = await moveIfThere(target, old);
        try {
          await rename(path, target);
        } catch (cause) {
          if (replaced) await rename(old, target);
          throw cause;
        }
        await flushFolder(dirname(target));
        if (replaced) await rm(old, { recursive: true, force: true });
      } catch (cause) {
        throw failed(cause);
      }
    },
    discard: () => rm(path, { recursive: true, force: true }),
  };
}

async function moveIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
