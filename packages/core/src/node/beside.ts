import { createHash, randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";

/** `partial`: written, not in its place yet. `old`: was in its place until a moment ago. */
export type BesideKind = "partial" | "old";

/** Of another system nobody can tell whether the process lives: what it has left is kept so long. */
const STRANGERS_MILLISECONDS = 24 * 3_600_000;
/** What was put away for something new has been without it for a moment only, unless the process was killed. */
const PUT_AWAY_MILLISECONDS = 60_000;

const pattern = /\.([0-9a-f]{8})-(\d+)-[0-9a-f-]{36}\.(partial|old)$/;

/**
 * Among which processes a number means one: those of a machine since it was started and, on Linux, of a container. Two
 * containers may have the same name, and a machine that was started again has the same numbers for other processes.
 */
const system = createHash("sha256").update(systemFacts().join("\n")).digest("hex").slice(0, 8);

function systemFacts(): string[] {
  const known = (read: () => string) => {
    try {
      return read();
    } catch {
      return ""; // not Linux, or hidden
    }
  };
  const boot = known(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  return [hostname(), boot, known(() => readlinkSync("/proc/self/ns/pid"))];
}

/**
 * A name beside `path` that nobody else takes, and that tells which process made it, so that `clearBeside` knows what a
 * killed one has left. A hidden one begins with a dot.
 */
export function besidePath(path: string, kind: BesideKind, hidden = false): string {
  const base = basename(path);
  const name = `${base}.${system}-${process.pid}-${randomUUID()}.${kind}`;
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
      if (left === undefined) continue;
      const wanted = left.kind === "old" && !whole;
      if (!(await isLeft(at, left, wanted ? PUT_AWAY_MILLISECONDS : STRANGERS_MILLISECONDS))) continue;
      if (wanted) await rename(at, path).catch(() => undefined);
      else await rm(at, { recursive: true, force: true }).catch(() => undefined);
    }
  }
}

interface Left {
  readonly kind: BesideKind;
  readonly system: string;
  readonly pid: number;
}

function leftBy(name: string, base: string): Left | undefined {
  const plain = name.startsWith(`.${base}.`) ? name.slice(1) : name;
  if (!plain.startsWith(`${base}.`)) return undefined;
  const found = pattern.exec(plain.slice(base.length));
  if (found === null || found.index !== 0) return undefined;
  return { system: found[1] as string, pid: Number(found[2]), kind: found[3] as BesideKind };
}

/** `patience`: how long what a stranger has left is to have been as it is, in milliseconds. */
async function isLeft(path: string, left: Left, patience: number): Promise<boolean> {
  if (left.system === system) return !isAlive(left.pid);
  const found = await stat(path).catch(() => undefined);
  // The later of the two: a new name changes the one, new content the other, whose time can also be set.
  return found !== undefined && Date.now() - Math.max(found.mtimeMs, found.ctimeMs) > patience;
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
