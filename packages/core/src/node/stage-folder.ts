import { rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { SitError } from "../errors.js";
import { besidePath, clearBeside } from "./beside.js";
import { flushFolder, makeFolder } from "./flush.js";
import { type FileContent, moveIfThere, writeFileAtomically } from "./write-file.js";

export interface StageOptions {
  /** Where to write, on the same disk; what is there already stays. Default: a new folder beside `folder`, with a dot before its name. */
  readonly path?: string;
}

/** A folder beside its place, to write to, which takes that place when all is done. */
export interface StagedFolder {
  readonly path: string;
  /** Writes a file in it as `writeFileAtomically` does; errors name it by the place that it will have. */
  write(name: string, content: FileContent): Promise<void>;
  /** Puts it in its place; the folder that was there goes. Throws `SitError("disk")`, and what was there stays. */
  commit(): Promise<void>;
  /** Takes it away; nothing is left. */
  discard(): Promise<void>;
}

/**
 * Makes an empty folder beside `folder`, for many files that belong together. Files that are not written by its `write`
 * are the caller's to flush. What a killed process has left beside it goes; where such a one had put the folder away and
 * nothing in its place, it comes back.
 * @throws SitError "disk", naming the folder, also where a file has its place
 */
export async function stageFolder(folder: string, options: StageOptions = {}): Promise<StagedFolder> {
  const target = resolve(folder);
  const { path = besidePath(target, "partial", true) } = options;
  const failed = (cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new SitError("disk", `${folder}: cannot be written (${reason})`, { cause });
  };
  try {
    await clearBeside(target);
    await requireNoFile(target);
    await makeFolder(path);
  } catch (cause) {
    throw failed(cause);
  }
  return {
    path,
    write: (name, content) => writeFileAtomically(join(path, name), content, { named: join(folder, name) }),
    async commit() {
      const olds = Array.from({ length: 5 }, () => besidePath(target, "old", true));
      let replaced: number | undefined;
      try {
        // Whoever wants a folder there does not mean to lose a file.
        await requireNoFile(target);
        await flushFolder(path);
        for (let tries = 0; ; tries++) {
          if (await moveIfThere(target, olds[tries] as string)) replaced = tries;
          const cause = await rename(path, target).then(
            () => undefined,
            (error: NodeJS.ErrnoException) => error,
          );
          if (cause === undefined) break;
          // Another process has put its own there in between.
          const again = ["ENOTEMPTY", "EEXIST"].includes(cause.code ?? "") && tries + 1 < olds.length;
          if (again) continue;
          if (replaced !== undefined) await rename(olds[replaced] as string, target).catch(() => undefined);
          throw cause;
        }
        await flushFolder(dirname(target));
        for (const old of olds) await rm(old, { recursive: true, force: true });
      } catch (cause) {
        throw failed(cause);
      }
    },
    discard: () => rm(path, { recursive: true, force: true }),
  };
}

async function requireNoFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined && !found.isDirectory())
    throw new Error("expected a folder or nothing there, got a file");
}
