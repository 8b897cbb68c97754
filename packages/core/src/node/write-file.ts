import { randomUUID } from "node:crypto";
import { rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { SitError } from "../errors.js";
import { flushFolder, makeFolder } from "./flush.js";

/**
 * Writes a file so that nobody ever reads a part of it, not even after a power cut: beside its place, flushed to the
 * disk, then moved there. Makes its folder. Content that comes in pieces is written piece by piece; what it throws is
 * thrown on, with nothing left. Two that write the same path at once both succeed; the last one stays.
 * @throws SitError "disk" naming the file, for a full disk or a folder that may not be written; `mend` is its advice.
 * What was there before is then still there, and nothing is left beside it.
 */
export async function writeFileAtomically(
  path: string,
  content: string | Uint8Array | AsyncIterable<Uint8Array>,
  options: { readonly mend?: string } = {},
): Promise<void> {
  const partial = `${path}.${randomUUID()}.partial`;
  try {
    await makeFolder(dirname(path));
    await writeFile(partial, content, { flush: true });
    await rename(partial, path);
    await flushFolder(dirname(path));
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => undefined);
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SitError("disk", `${path}: cannot be written (${reason})`, { mend: options.mend, cause });
  }
}
