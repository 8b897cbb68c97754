import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { writeFileAtomically } from "@sitjs/core/node";
import envPaths from "env-paths";
import { reason } from "./decode.js";

const mend = "Free some space there, or set SITJS_CACHE to a folder that can be written.";

/** Folder of cached data sets: in the option's folder, else in `$SITJS_CACHE`, else in the platform's user cache. */
export function datasetCache(option?: string, env: Record<string, string | undefined> = process.env): string {
  const chosen = option ?? env.SITJS_CACHE;
  const root = chosen ? resolve(chosen) : envPaths("sitjs", { suffix: "" }).cache;
  return join(root, "datasets");
}

/**
 * Writes a file of the cache whole or not at all.
 * @throws SitError "disk", naming the file, for a full disk or a folder that may not be written.
 */
export async function writeCached(path: string, bytes: Uint8Array): Promise<void> {
  await writeFileAtomically(path, bytes, { mend });
}

/** Runs `use` with an empty folder among the system's temporary files, which is removed whatever happens. */
export async function withScratch<T>(use: (folder: string) => Promise<T>): Promise<T> {
  let folder: string;
  try {
    folder = await mkdtemp(join(tmpdir(), "sitjs-"));
  } catch (error) {
    throw new SitError("disk", `${tmpdir()}: cannot be written (${reason(error)})`, { mend, cause: error });
  }
  // Also where the process is ended in the middle; a killed one leaves it to the system's own clearing.
  const clear = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", clear);
  try {
    return await use(folder);
  } finally {
    process.off("exit", clear);
    await rm(folder, { recursive: true, force: true });
  }
}
