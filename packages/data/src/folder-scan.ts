import { isUtf8 } from "node:buffer";
import type { Dirent, Stats } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { printable, SitError } from "@sitjs/core/errors";
import { accessError, type ImageProblemKind, reason } from "./image-error.js";
import { typeOfEntry } from "./image-file.js";
import { unsupportedReason } from "./image-format.js";

/** An image that is left out, a folder that cannot be read, or a class without images. */
export interface FolderProblem {
  /** Path relative to the folder that was read, as it is on disk: show it with `printable` of @sitjs/core/errors. */
  readonly path: string;
  readonly kind: ImageProblemKind;
  /** What is wrong, in words that can be shown. */
  readonly reason: string;
}

export interface FolderScan {
  /** Files with a wanted extension, relative, with `/` between folders, in order. */
  readonly files: string[];
  /** Folders right below the root, in order. */
  readonly folders: string[];
  /** Entries that look like images or folders but cannot be reached. */
  readonly problems: FolderProblem[];
  /** Files that are neither images nor problems. */
  readonly otherFiles: OtherFiles;
}

/** Files that are passed over: their ending is none of an image, and their names begin with no dot. */
export interface OtherFiles {
  readonly count: number;
  /** The first few, by their paths in the folder. */
  readonly names: readonly string[];
}

/** So many of them are named. */
const NAMED_OTHERS = 3;

export interface ScanOptions {
  /** Endings of the files to take, with the dot. */
  readonly extensions: readonly string[];
  /** Endings of images that are listed as problems, with what they are; default: none. */
  readonly unsupported?: ReadonlyMap<string, string> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A folder is entered by so many names; links between folders could make endlessly many. */
const MAXIMUM_NAMES = 16;

/**
 * Lists a folder's files and its subfolders' by extension, in an order that depends on the names alone (by UTF-16
 * code units, so it is the same in every locale). Names that begin with a dot are passed over. Symbolic links are
 * followed, and a file with two names is listed twice; a folder that contains itself through a link is entered once.
 * Nothing is opened but folders.
 * @throws SitError "missing-file" or "bad-file" where `root` is no readable folder; the reason of an aborted `signal`.
 */
export async function scanFolder(
  root: string,
  { extensions, unsupported, signal }: ScanOptions,
): Promise<FolderScan> {
  const wanted = new Set(extensions.map((extension) => extension.toLowerCase()));
  const otherFiles = { count: 0, names: [] as string[] };
  const scan: FolderScan = { files: [], folders: [], problems: [], otherFiles };
  const entered = new Map<string, number>();

  const passOver = (path: string) => {
    otherFiles.count++;
    if (otherFiles.names.length < NAMED_OTHERS) otherFiles.names.push(path);
  };
  const walk = async (relative: string, real: string, ancestors: ReadonlySet<string>): Promise<void> => {
    signal?.throwIfAborted();
    const names = (entered.get(real) ?? 0) + 1;
    entered.set(real, names);
    if (names > MAXIMUM_NAMES) {
      const reason = `links lead to this folder by more than ${MAXIMUM_NAMES} names`;
      scan.problems.push({ path: relative, kind: "link", reason });
      return;
    }
    for (const entry of await list(join(root, relative), relative)) {
      if (entry.name.startsWith(".")) continue;
      const path = relative === "" ? entry.name : `${relative}/${entry.name}`;
      const extension = extensionOf(entry.name);
      const looksLikeImage = wanted.has(extension);
      try {
        const found = entry.isSymbolicLink() ? await stat(join(root, path)) : entry;
        if (found.isDirectory()) {
          if (relative === "") scan.folders.push(entry.name);
          const below = found === entry ? join(real, entry.name) : await realpath(join(root, path));
          if (!ancestors.has(below)) await walk(path, below, new Set([...ancestors, below]));
        } else if (unsupported?.has(extension)) {
          const reason = unsupportedReason(unsupported.get(extension) as string);
          scan.problems.push({ path, kind: "unsupported-format", reason });
        } else if (!looksLikeImage) passOver(path);
        else if (found.isFile()) scan.files.push(path);
        else scan.problems.push({ path, kind: "not-a-file", reason: `${typeOfEntry(found)}, not a file` });
      } catch (error) {
        // Ends the whole scan: an abort, or a fault of the machine in a folder below.
        signal?.throwIfAborted();
        if (SitError.isInstance(error)) throw error;
        const { kind, reason } = await accessError(join(root, path), error);
        // A dangling link to something else than an image is of no interest; a folder that cannot be read is.
        const dangling = (error as NodeJS.ErrnoException).code === "ENOENT";
        if (looksLikeImage || !dangling) scan.problems.push({ path, kind, reason });
      }
    }
  };

  /** A folder's entries in order; those whose name no string can hold are not among them. */
  const list = async (folder: string, relative: string): Promise<Dirent[]> => {
    const entries = await readdir(folder, { withFileTypes: true });
    if (!entries.some(({ name }) => name.includes("\ufffd"))) return entries.sort(byName);
    const valid = new Set<string>();
    for (const name of await readdir(folder, { encoding: "buffer" })) {
      if (isUtf8(name)) valid.add(name.toString());
      else await addBadName(folder, relative, name);
    }
    const once = new Map(entries.filter(({ name }) => valid.has(name)).map((entry) => [entry.name, entry]));
    return [...once.values()].sort(byName);
  };

  const addBadName = async (folder: string, relative: string, name: Buffer): Promise<void> => {
    const shown = name.toString("latin1").replace(/[\x80-\xff]/g, (byte) => {
      return `\\x${byte.charCodeAt(0).toString(16)}`;
    });
    if (shown.startsWith(".")) return;
    const path = relative === "" ? shown : `${relative}/${shown}`;
    const found = await stat(Buffer.concat([Buffer.from(`${folder}/`), name])).catch(() => undefined);
    if (!found?.isDirectory() && !wanted.has(extensionOf(shown))) {
      passOver(path);
      return;
    }
    const what = found?.isDirectory() ? "a folder" : "a file";
    scan.problems.push({
      path,
      kind: "bad-name",
      reason: `${what} whose name is not valid UTF-8`,
    });
  };

  const real = await realFolder(root);
  await walk("", real, new Set([real]));
  // Depth-first order differs from the order of whole paths where a folder's name continues another's.
  scan.files.sort(byCodeUnits);
  return scan;
}

/** The folder's path without links. */
async function realFolder(root: string): Promise<string> {
  try {
    const real = await realpath(root);
    const found: Stats = await stat(root);
    if (!found.isDirectory()) throw new Error(found.isFile() ? "a file" : typeOfEntry(found));
    await readdir(root);
    return real;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const got = missing ? "nothing at this path" : reason(error);
    const message = `${printable(root)}: expected a folder of images, got ${got}`;
    throw new SitError(missing ? "missing-file" : "bad-file", message, { cause: error });
  }
}

const byName = (a: Dirent, b: Dirent) => byCodeUnits(a.name, b.name);

export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function extensionOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot <= 0 ? "" : name.slice(dot).toLowerCase();
}
