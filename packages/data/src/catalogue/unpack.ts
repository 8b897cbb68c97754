import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { extractArchive } from "@sitjs/core/node";
import { reason } from "../decode.js";
import type { CatalogueFile } from "./entry.js";
import type { Item } from "./record.js";

export interface UnpackOptions {
  /** Where it is unpacked first, on the same disk; taken away. */
  readonly scratch: string;
  readonly signal: AbortSignal;
  /** Told the share of the archive that has been read, 0 to 1. */
  readonly onFraction: (fraction: number) => void;
}

/**
 * Unpacks an archive of the data set beside itself, into what other archives have put there: files of the same path are
 * replaced. Nothing is moved to its place before the whole archive has been found good.
 * @throws what `extractArchive` does; SitError "disk" where a file cannot take its place
 */
export async function unpackBeside(
  { name, archive }: CatalogueFile,
  folder: string,
  { scratch, signal, onFraction }: UnpackOptions,
): Promise<Item[]> {
  const { files, bytes } = archive as NonNullable<CatalogueFile["archive"]>;
  const paths = await extractArchive({
    file: join(folder, name),
    to: scratch,
    maximumBytes: bytes,
    // Folders are entries too, and hardly more of them than files.
    maximumEntries: 2 * files + 1000,
    signal,
    onProgress: ({ fraction }) => onFraction(fraction),
  });
  const items: Item[] = [];
  const made = new Set<string>();
  for (const path of paths) {
    signal.throwIfAborted();
    const place = posix.join(posix.dirname(name), path);
    const [from, to] = [join(scratch, path), join(folder, place)];
    try {
      if (!made.has(dirname(to))) await mkdir(dirname(to), { recursive: true });
      made.add(dirname(to));
      const { size } = await stat(from);
      await rename(from, to);
      items.push({ path: place, bytes: size });
    } catch (cause) {
      throw new SitError("disk", `${to}: cannot be written (${reason(cause)})`, { cause });
    }
  }
  await rm(scratch, { recursive: true, force: true });
  return items;
}
