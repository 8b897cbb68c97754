import { link, readFile, readlink, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { besidePath, clearBeside } from "@sitjs/core/node";
import { runFiles } from "./files.js";

/** Who has a run's folder: a process of a machine, with what tells it from a later one of the same number. */
interface Owner {
  readonly pid: number;
  readonly host: string;
  /** When it began, as Linux counts it; without /proc unknown. */
  readonly began?: string;
  /** Among which processes Linux has given its number: a container has its own. */
  readonly numbers?: string;
}

/** How often a lock is touched, in milliseconds, for those who cannot see the process that has it. */
const TOUCHED_EVERY = 15_000;
/** One that was not touched for so long belongs to a process that is no more. */
const FORSAKEN = 120_000;

/** A run's folder while it is ours alone. */
export interface RunLock {
  /** Throws where the folder is not ours any more: somebody has removed or moved it. */
  requireHeld(): Promise<void>;
  release(): Promise<void>;
}

/**
 * Takes a run's folder for this process. The lock of a process that has died is taken over, at once.
 *
 * @throws SitError "bad-option" where another process has it, "disk" where the folder cannot be written
 */
export async function lockRun(folder: string): Promise<RunLock> {
  const path = join(folder, runFiles.lock);
  const own = JSON.stringify(await owner(process.pid));
  const partial = besidePath(path, "partial");
  try {
    await clearBeside(path);
    await writeFile(partial, own);
    for (;;) {
      try {
        // A link appears with its content, or not at all where there is one already.
        await link(partial, path);
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EEXIST") await removeStale(folder, path);
        else if (await writeNew(path, own)) break;
      }
    }
  } catch (cause) {
    if (SitError.isInstance(cause)) throw cause;
    throw new SitError("disk", `${path}: cannot be written (${(cause as Error).message})`, { cause });
  } finally {
    await rm(partial, { force: true }).catch(() => undefined);
  }
  const held = await stat(path).catch(() => undefined);
  const touching = setInterval(() => {
    const now = new Date();
    void read(path).then(async (found) => {
      if (found === own) await utimes(path, now, now).catch(() => undefined);
    });
  }, TOUCHED_EVERY).unref();
  return {
    async requireHeld() {
      if ((await read(path)) === own) return;
      throw new SitError(
        "disk",
        `${folder}: expected the folder of the run, which was there before, got none`,
        {
          mend: "Nothing was saved there any more; whoever removed or moved it may have the last checkpoint.",
        },
      );
    },
    async release() {
      clearInterval(touching);
      const found = await read(path);
      // Without a file handle left nothing can be read; which file it is can be told all the same.
      const now = found === undefined ? await stat(path).catch(() => undefined) : undefined;
      const same = now !== undefined && now.ino === held?.ino && now.dev === held.dev;
      if (found === own || same) await rm(path, { force: true }).catch(() => undefined);
    },
  };
}

/** For disks without links; false where there is a file already. */
async function writeNew(path: string, content: string): Promise<boolean> {
  try {
    await writeFile(path, content, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function removeStale(folder: string, path: string): Promise<void> {
  const found = await read(path);
  if (found === undefined) return;
  const holder = parse(found);
  if (holder && (holder.host !== hostname() || (await isAlive(holder, path)))) {
    const where = holder.host === hostname() ? "" : ` on ${JSON.stringify(holder.host)}`;
    throw new SitError(
      "bad-option",
      `--out ${folder}: expected a folder that no run is using, got one of process ${holder.pid}${where}`,
      {
        mend: `Wait until it ends, or name another folder; if there is no such process, remove ${path}.`,
      },
    );
  }
  // Moved and looked at once more: another process may have taken the lock over since.
  const taken = besidePath(path, "partial");
  await rename(path, taken).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  const moved = await read(taken);
  if (moved !== undefined && moved !== found) await link(taken, path).catch(() => undefined);
  await rm(taken, { force: true });
}

async function read(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").catch(() => undefined);
}

function parse(text: string): Owner | undefined {
  try {
    const { pid, host, began, numbers } = JSON.parse(text) as Partial<Owner>;
    const valid = Number.isSafeInteger(pid) && (pid as number) > 0 && typeof host === "string";
    return valid ? ({ pid, host, began, numbers } as Owner) : undefined;
  } catch {
    return undefined;
  }
}

async function owner(pid: number): Promise<Owner> {
  const [began, numbers] = await Promise.all([beginning(pid), ownNumbers()]);
  return { pid, host: hostname(), ...(began !== undefined && { began }), ...(numbers && { numbers }) };
}

async function ownNumbers(): Promise<string | undefined> {
  return await readlink("/proc/self/ns/pid").catch(() => undefined);
}

async function isAlive({ pid, began, numbers }: Owner, path: string): Promise<boolean> {
  if (began !== undefined) {
    const sameStart = began.split(" ")[0] === (await bootId());
    if (!sameStart) return false;
    if (numbers !== undefined && numbers !== (await ownNumbers())) {
      // Of another container with this one's name: its processes cannot be seen from here.
      const touched = (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;
      return Date.now() - touched < FORSAKEN;
    }
    return (await beginning(pid)) === began;
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function bootId(): Promise<string | undefined> {
  return (await read("/proc/sys/kernel/random/boot_id"))?.trim();
}

/** What tells a process from others that have had its number: since when it runs, and since when the system does. */
async function beginning(pid: number): Promise<string | undefined> {
  const stat = await read(`/proc/${pid}/stat`);
  const boot = await bootId();
  if (stat === undefined || boot === undefined) return undefined;
  // After the name in brackets, which may hold anything: state, and on; the 22nd of all is the start in ticks.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // A zombie is dead: it only waits to be asked how it has ended.
  return fields[0] === "Z" ? undefined : `${boot} ${fields[19]}`;
}
