import { rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { SitError } from "../errors.js";
import { besidePath, clearBeside } from "./beside.js";
import { flushFolder, makeFolder } from "./flush.js";

/** What a file may be given as; pieces are written one by one. */
export type FileContent = string | Uint8Array | AsyncIterable<Uint8Array>;

/**
 * Writes a file so that nobody ever reads a part of it, not even after a power cut: beside its place, flushed to the
 * disk, then moved there. Makes its folder. Content that comes in pieces is written piece by piece; what it throws is
 * thrown on, with nothing left. Two that write the same path at once both succeed; the last one stays. What a killed
 * process has left beside it goes.
 * @throws SitError "disk" naming the file, for a full disk or a folder that may not be written; `mend` is its advice.
 * What was there before is then still there, and nothing is left beside it.
 */
export async function writeFileAtomically(
  path: string,
  content: FileContent,
  options: { readonly mend?: string /** What to call the file in errors. */; readonly named?: string } = {},
): Promise<void> {
  const { mend, named = path } = options;
  const partial = besidePath(path, "partial");
  const source = watched(content);
  try {
    await makeFolder(dirname(path));
    await clearBeside(path);
    await writeFile(partial, source.content, { flush: true });
    await rename(partial, path);
    await flushFolder(dirname(path));
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw source.failure ? source.failure.error : notWritten(named, cause, mend);
  }
}

/** Moves a file or folder; false where there is none. */
export async function moveIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

export function notWritten(path: string, cause: unknown, mend?: string): SitError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SitError("disk", `${path}: cannot be written (${reason})`, { mend, cause });
}

/** Content that may come in pieces, and what it has thrown itself, which is no fault of the disk. */
export function watched(content: FileContent): {
  content: FileContent;
  failure: { error: unknown } | undefined;
} {
  if (typeof content === "string" || content instanceof Uint8Array) return { content, failure: undefined };
  const source: { content: FileContent; failure: { error: unknown } | undefined } = {
    content: "",
    failure: undefined,
  };
  source.content = (async function* () {
    try {
      yield* content;
    } catch (error) {
      source.failure = { error };
      throw error;
    }
  })();
  return source;
}
