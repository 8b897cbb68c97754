import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, resolve, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { SitError } from "@sitjs/core/errors";
import type { Entry } from "yauzl";

export interface UnpackOptions {
  /** Which entries to write. */
  wanted: (path: string) => boolean;
  signal?: AbortSignal;
  /** Share of the archive's entries that has been read, 0 to 1. */
  onFraction?: (fraction: number) => void;
}

/**
 * Writes the wanted files of a zip under `target` at their own paths and returns these paths.
 * Throws `SitError("engine-install")` for an entry that would leave `target` or an archive that is not whole.
 */
export async function unpackZip(file: string, target: string, options: UnpackOptions): Promise<string[]> {
  const written: string[] = [];
  const root = resolve(target) + sep;
  const made = new Set<string>();
  const { openPromise } = await import("yauzl");
  try {
    const zip = await openPromise(file);
    try {
      let read = 0;
      for await (const entry of zip.eachEntry()) {
        read++;
        const path = nameOf(entry);
        if (path.endsWith("/") || !options.wanted(path)) continue;
        const destination = resolve(target, path);
        if (!destination.startsWith(root)) throw new Error(`the entry ${path} leaves the folder`);
        const folder = dirname(destination);
        if (!made.has(folder)) {
          await mkdir(folder, { recursive: true });
          made.add(folder);
        }
        const content = await zip.openReadStreamPromise(entry);
        await pipeline(content, createWriteStream(destination), { signal: options.signal });
        written.push(path);
        options.onFraction?.(read / zip.entryCount);
      }
    } finally {
      zip.close();
    }
  } catch (error) {
    if (options.signal?.aborted) throw error;
    if (isDiskFull(error)) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new SitError("engine-install", `${file}: expected a whole zip archive: ${message}`, {
      mend: "Try again: the download may have been cut. The wasm engine still works.",
      cause: error,
    });
  }
  return written;
}

function nameOf(entry: Entry): string {
  return entry.fileName.toString();
}

export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === "ENOSPC";
}
