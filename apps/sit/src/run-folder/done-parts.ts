import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { parseJson } from "@sitjs/core/json";
import { writeFileAtomically } from "@sitjs/core/node";
import type { DoneParts } from "../experiment/done-parts.js";

const ENDING = ".json";

/**
 * Each part in a file of JSON of its own.
 *
 * @param folder made with its first part, where the one that it is in is still there
 * @throws SitError "bad-file" from `keep` for a file that is damaged, "disk" where one cannot be written
 */
export async function doneParts(folder: string): Promise<DoneParts> {
  const files = await readdir(folder).catch(() => []);
  const done = new Set(
    files.filter((name) => name.endsWith(ENDING)).map((name) => name.slice(0, -ENDING.length)),
  );
  return {
    has: (part) => done.has(part),
    async keep<T extends object>(part: string, work: () => Promise<T>): Promise<T> {
      const path = join(folder, part + ENDING);
      if (done.has(part)) return await readPart(path, part);
      const value = await work();
      await mkdir(folder).catch((cause: NodeJS.ErrnoException) => {
        if (cause.code === "EEXIST") return;
        const gone =
          cause.code === "ENOENT" ? "What it lies in was there before: it was removed or moved." : undefined;
        throw new SitError("disk", `${folder}: cannot be made (${cause.message})`, { mend: gone, cause });
      });
      await writeFileAtomically(path, `${JSON.stringify({ part, value }, withBytes)}\n`);
      done.add(part);
      return value;
    },
  };
}

async function readPart<T extends object>(path: string, part: string): Promise<T> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new SitError("bad-file", `${path}: cannot be read (${(cause as Error).message})`, { cause });
  }
  const found = revived(parseJson(text, path)) as { part?: unknown; value?: T } | null;
  if (found?.part === part && typeof found.value === "object" && found.value !== null) return found.value;
  throw new SitError("bad-file", `${path}: expected what ${part} has come to, got something else`, {
    mend: "Remove the file to have that part done again.",
  });
}

/** JSON of arrays of float32, whose every bit comes back. */
function withBytes(_: string, value: unknown): unknown {
  if (!(value instanceof Float32Array)) return value;
  return { float32: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
}

function revived(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revived);
  if (typeof value !== "object" || value === null) return value;
  if ("float32" in value && typeof value.float32 === "string") {
    // Copied, since the bytes of a buffer need not begin where a float32 may.
    return new Float32Array(new Uint8Array(Buffer.from(value.float32, "base64")).buffer);
  }
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, revived(inner)]));
}
