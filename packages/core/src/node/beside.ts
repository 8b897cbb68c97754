import { createHash, randomUUID } from "node:crypto";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";

/** `partial`: written, not in its place yet. `old`: was in its place until a moment ago. */
export type BesideKind = "partial" | "old";

/** Of another machine nobody can tell whether the process lives: what it has left is kept so long. */
const STRANGERS_MILLISECONDS = 24 * 3_600_000;

const pattern = /\.([0-9a-f]{8})-(\d+)-[0-9a-f-]{36}\.(partial|old)$/;

/** Which machine: containers that share a folder have names of their own. */
const host = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);

/**
 * A name beside `path` that nobody else takes, and that tells which process made it, so that `clearBeside` knows what a
 * killed one has left. A hidden one begins with a dot.
 */
export function besidePath(path: string, kind: BesideKind, hidden = false): string {
  const base = basename(path);
  const name = `${base}.${host}-${process.pid}-${randomUUID()}.${kind}`;
  // As the caller has written it: messages of the system show the name.
  const folder = path.endsWith(base) ? path.slice(0, path.length - base.length) : `${dirname(path)}/`;
  return `${folder}${hidden ? "." : ""}${name}`;
}

/** Whether a file or folder is one that a process makes beside a place, and that none reads. */
export const isBeside = (name: string): boolean => pattern.test(name);

/**
 * Takes away what killed processes have left beside places whose files belong together; the last one is what a reader
 * looks for. Where such a process had put them away, and not yet put all of its own in their places, they come back.
 * What cannot be taken away stays: nobody reads it.
 */
export async function clearBeside(...paths: readonly string[]): Promise<void> {
  const whole = await exists(paths.at(-1) as string);
  for (const path of paths) {
    const folder = dirname(resolve(path));
    for (const name of await readdir(folder).catch(() => [])) {
      const left = leftBy(name, basename(resolve(path)));
      const at = join(folder, name);
      if (left === undefined || !(await isLeft(at, left))) continue;
      if (left.kind === "old" && !whole) await rename(at, path).catch(() => undefined);
      else await rm(at, { recursive: true, force: true }).catch(() => undefined);
    }
  }
}

interface Left {
  readonly kind: BesideKind;
  readonly host: string;
  readonly pid: number;
}

function leftBy(name: string, base: string): Left | undefined {
  const plain = name.startsWith(`.${base}.`) ? name.slice(1) : name;
  if (!plain.startsWith(`${base}.`)) return undefined;
  const found = pattern.exec(plain.slice(base.length));
  if (found === null || found.index !== 0) return undefined;
  return { host: found[1] as string, pid: Number(found[2]), kind: found[3] as BesideKind };
}

async function isLeft(path: string, left: Left): Promise<boolean> {
  if (left.host === host) return !isAlive(left.pid);
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > STRANGERS_MILLISECONDS;
}

/** A later process of the same number counts too: what is kept by mistake goes another time. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
