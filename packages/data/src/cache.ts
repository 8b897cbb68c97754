import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { SitError } from "@sitjs/core/errors";
import envPaths from "env-paths";

/** Folder of cached data sets: in the option's folder, else in `$SITJS_CACHE`, else in the platform's user cache. */
export function datasetCache(option?: string, env: Record<string, string | undefined> = process.env): string {
  const chosen = option ?? env.SITJS_CACHE;
  const root = chosen ? resolve(chosen) : envPaths("sitjs", { suffix: "" }).cache;
  return join(root, "datasets");
}

/**
 * Writes a file so that nobody ever sees a part of it: beside its place, then moved. Two processes that write the
 * same content at once both succeed.
 * @throws SitError "disk", naming the file, for a full disk or a folder that may not be written.
 */
export async function writeComplete(path: string, bytes: Uint8Array): Promise<void> {
  const partial = `${path}.${randomUUID()}.partial`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(partial, bytes, { flush: true });
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw diskError(path, error);
  }
}

/** Runs `use` with an empty folder among the system's temporary files, which is removed whatever happens. */
export async function withScratch<T>(use: (folder: string) => Promise<T>): Promise<T> {
  let folder: string;
  try {
    folder = await mkdtemp(join(tmpdir(), "sitjs-"));
  } catch (error) {
    throw diskError(tmpdir(), error);
  }
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function diskError(path: string, error: unknown): SitError {
  const detail = error instanceof Error ? error.message : String(error);
  return new SitError("disk", `${path}: cannot be written (${detail})`, {
    mend: "Free some space there, or set SITJS_CACHE to a folder that can be written.",
    cause: error,
  });
}
