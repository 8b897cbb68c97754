import { mkdir, open, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** What systems answer that cannot flush a folder (Windows, some network drives), or where it may not be read. */
const cannot: ReadonlySet<string | undefined> = new Set(["EACCES", "EINVAL", "EISDIR", "ENOTSUP", "EPERM"]);

/** Waits until the names in a folder are on the disk: a new or moved file is found after a power cut only then. */
export async function flushFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!cannot.has((error as NodeJS.ErrnoException).code)) throw error;
  }
}

/** Makes a folder, and those above it, and flushes the ones that hold a new one. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true }).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    // Node's answer to several others, a read-only disk among them (seen with 20.20); made one by one they tell which.
    return await makeEach(resolve(folder));
  });
  if (first === undefined) return;
  for (let made = resolve(folder); ; made = dirname(made)) {
    await flushFolder(dirname(made));
    if (made === resolve(first)) return;
  }
}

/** Makes a folder and those above it that are missing, one by one; returns the first that was. */
async function makeEach(folder: string): Promise<string | undefined> {
  const missing: string[] = [];
  for (let each = folder; !(await stat(each).catch(() => undefined)); each = dirname(each))
    missing.unshift(each);
  for (const each of missing) await mkdir(each);
  return missing[0];
}
