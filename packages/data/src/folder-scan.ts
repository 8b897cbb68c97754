import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { reason } from "./decode.js";

export interface FolderProblem {
  /** Path relative to the folder that was read. */
  readonly path: string;
  readonly reason: string;
}

export interface FolderScan {
  /** Files with a wanted extension, relative, with `/` between folders, in order. */
  readonly files: string[];
  /** Folders right below the root, in order. */
  readonly folders: string[];
  /** Entries that look like images or folders but cannot be reached. */
  readonly problems: FolderProblem[];
  /** How many files have another extension. */
  readonly otherFiles: number;
}

/**
 * Lists a folder's files and its subfolders' by extension, in an order that depends on the names alone (by UTF-16
 * code units, so it is the same in every locale). Names that begin with a dot are passed over. Symbolic links are
 * followed; a folder that contains itself through a link is entered once.
 * @throws SitError "missing-file" or "bad-file" where `root` is no readable folder.
 */
export async function scanFolder(root: string, extensions: readonly string[]): Promise<FolderScan> {
  const wanted = new Set(extensions.map((extension) => extension.toLowerCase()));
  const scan: FolderScan & { otherFiles: number } = { files: [], folders: [], problems: [], otherFiles: 0 };

  const walk = async (relative: string, ancestors: ReadonlySet<string>): Promise<void> => {
    const entries = await readdir(join(root, relative));
    for (const name of entries.sort(byCodeUnits)) {
      if (name.startsWith(".")) continue;
      const path = relative === "" ? name : `${relative}/${name}`;
      const looksLikeImage = wanted.has(extensionOf(name));
      try {
        const entry = await stat(join(root, path));
        if (entry.isDirectory()) {
          const real = await realpath(join(root, path));
          if (ancestors.has(real)) continue;
          if (relative === "") scan.folders.push(name);
          await walk(path, new Set([...ancestors, real]));
        } else if (entry.isFile() && looksLikeImage) scan.files.push(path);
        else scan.otherFiles++;
      } catch (error) {
        // A dangling link to something else than an image is of no interest; a folder that cannot be read is.
        const dangling = (error as NodeJS.ErrnoException).code === "ENOENT";
        if (looksLikeImage || !dangling) scan.problems.push({ path, reason: reason(error) });
      }
    }
  };

  let real: string;
  try {
    real = await realpath(root);
    if (!(await stat(root)).isDirectory()) throw new Error("it is a file");
    await readdir(root);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const message = `${root}: expected a folder of images, got ${missing ? "nothing at this path" : reason(error)}`;
    throw new SitError(missing ? "missing-file" : "bad-file", message, { cause: error });
  }
  await walk("", new Set([real]));
  // Depth-first order differs from the order of whole paths where a folder's name continues another's.
  scan.files.sort(byCodeUnits);
  return scan;
}

export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function extensionOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot <= 0 ? "" : name.slice(dot).toLowerCase();
}
