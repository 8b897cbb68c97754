import type { Hash } from "node:crypto";
import { createReadStream } from "node:fs";

/** Feeds a file to a hash, which is returned: `(await hashFile(path, createHash("sha256"))).digest("hex")`. */
export async function hashFile(path: string, hash: Hash, signal?: AbortSignal): Promise<Hash> {
  for await (const chunk of createReadStream(path, { signal })) {
    hash.update(chunk as Buffer);
  }
  return hash;
}
