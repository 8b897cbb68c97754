import { stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import type { CatalogueEntry, CatalogueFile } from "./entry.js";

/**
 * Refuses to begin where the disk has certainly no room for these files and what they hold: images are compressed, so an
 * archive of them holds about its own length or more, and is removed when it is unpacked. Where the system does not
 * say how much is free, nothing is refused.
 * @throws SitError "disk" naming the folder
 */
export async function requireSpace(
  entry: CatalogueEntry,
  folder: string,
  files: readonly CatalogueFile[],
): Promise<void> {
  const lengths = await Promise.all(files.map(async (file) => await stillToCome(file, folder)));
  const archives = files.map(({ archive, bytes = 0 }) => (archive ? bytes : 0));
  const needed = lengths.reduce((sum, bytes) => sum + bytes, 0) + Math.max(0, ...archives);
  const free = await statfs(folder).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => Number.POSITIVE_INFINITY,
  );
  if (needed <= free) return;
  throw new SitError(
    "disk",
    `${folder}: expected at least ${gigabytes(needed)} of free space for ${entry.title}, got ${gigabytes(free)}`,
    { mend: "Free some space there, or name another folder." },
  );
}

async function stillToCome({ name, bytes = 0 }: CatalogueFile, folder: string): Promise<number> {
  const sizes = [name, `${name}.partial`].map(async (path) => {
    const found = await stat(join(folder, path)).catch(() => undefined);
    return found?.isFile() ? found.size : 0;
  });
  return Math.max(0, bytes - Math.max(...(await Promise.all(sizes))));
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
