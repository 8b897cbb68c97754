import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { extractArchive } from "@sitjs/core/node";

/** More than any of the wheels and packages has when unpacked. */
const maximumBytes = 16e9;

export interface UnpackOptions {
  /** Which files to write; default all. */
  wanted?: (path: string) => boolean;
  signal?: AbortSignal;
  /** Share of the archive that has been read, 0 to 1. */
  onFraction?: (fraction: number) => void;
}

/**
 * Writes the wanted files of a wheel or npm package under `target`, beside what is there, at their own paths, and
 * returns these. Throws `SitError("engine-install")` for an archive that is not whole or would write elsewhere.
 */
export async function unpack(file: string, target: string, options: UnpackOptions = {}): Promise<string[]> {
  const { wanted, signal, onFraction } = options;
  const unpacked = `${file}.unpacked`;
  try {
    const paths = await extractArchive({
      file,
      to: unpacked,
      maximumBytes,
      wanted,
      signal,
      onProgress: ({ fraction }) => onFraction?.(fraction),
    });
    const folders = new Set(paths.map((path) => dirname(path)));
    for (const folder of folders) await mkdir(join(target, folder), { recursive: true });
    for (const path of paths) await rename(join(unpacked, path), join(target, path));
    return paths;
  } catch (error) {
    if (!SitError.isInstance(error) || error.code !== "bad-file") throw error;
    throw new SitError("engine-install", error.message, {
      mend: "Try again: the download may have been cut. The wasm engine still works.",
      cause: error,
    });
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
}
