import { rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { besidePath, clearBeside } from "./beside.js";
import { flushFolder, makeFolder } from "./flush.js";
import { withLock } from "./lock.js";
import { type FileContent, moveIfThere, notWritten, watched } from "./write-file.js";

/** A file of a set. */
export type FileOfSet = { readonly path: string } & (
  | { readonly content: FileContent }
  /** A file on the same disk, flushed, that is moved. */
  | { readonly from: string }
);

/** On its way to its place. */
type Staged = FileOfSet & {
  readonly partial: string;
  /** Where what was in its place goes meanwhile. */
  readonly old: string;
  replaced: boolean;
  placed: boolean;
};

/**
 * Writes files that belong together, so that nobody takes old and new ones for one set: all are written beside their
 * places first; then those that were there are put away, the last one first, and each new one gets its name, the last
 * one last. A reader that begins with the last one finds the old set, none, or the new one, whenever this is killed; the
 * next write of the set takes away what was left. Of two that write it at once the last one stays, whole.
 * @throws SitError "disk" naming the file; the old set is then still there, and nothing is left beside it
 */
export async function writeFilesAtomically(files: readonly FileOfSet[]): Promise<void> {
  const staged = files.map((file) => ({
    ...file,
    partial: besidePath(file.path, "partial"),
    old: besidePath(file.path, "old"),
    replaced: false,
    placed: false,
  }));
  const paths = files.map(({ path }) => path);
  const last = paths.at(-1);
  if (last === undefined) return;
  const alone = (work: () => Promise<void>) =>
    withLock(`${last}.lock`, work, { staleMilliseconds: 5000, named: last });
  try {
    await makeFolder(dirname(last)).catch((cause: unknown) => {
      throw notWritten(last, cause);
    });
    await alone(() => clearBeside(...paths));
    for (const file of staged) await writePartial(file);
    await alone(() => putInPlace(staged));
  } catch (error) {
    for (const { partial } of staged) await rm(partial, { force: true }).catch(() => undefined);
    throw error;
  }
}

async function writePartial(file: Staged): Promise<void> {
  const { path, partial } = file;
  const source = "content" in file ? watched(file.content) : undefined;
  try {
    await makeFolder(dirname(path));
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory()) throw new Error("expected a file or nothing there, got a folder");
    if ("from" in file) await rename(file.from, partial);
    else if (source) await writeFile(partial, source.content, { flush: true });
  } catch (cause) {
    throw source?.failure ? source.failure.error : notWritten(path, cause);
  }
}

async function putInPlace(staged: readonly Staged[]): Promise<void> {
  let at = "";
  try {
    for (const file of [...staged].reverse()) {
      at = file.path;
      file.replaced = await moveIfThere(file.path, file.old);
    }
    for (const file of staged) {
      at = file.path;
      await rename(file.partial, file.path);
      file.placed = true;
    }
    for (const folder of new Set(staged.map(({ path }) => dirname(path)))) await flushFolder(folder);
  } catch (cause) {
    for (const { path, old, replaced, placed } of staged) {
      if (placed) await rm(path, { force: true }).catch(() => undefined);
      if (replaced) await rename(old, path).catch(() => undefined);
    }
    throw notWritten(at, cause);
  }
  for (const { old, replaced } of staged) {
    if (replaced) await rm(old, { force: true }).catch(() => undefined);
  }
}
