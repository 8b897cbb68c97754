import { setTimeout as delay } from "node:timers/promises";
import { SitError } from "../errors.js";
import { notWritten } from "./write-file.js";

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** A lock that its owner has not touched for so long belongs to a killed process; at least 2000. Default 15,000. */
  readonly staleMilliseconds?: number | undefined;
  /** Called once where another process has the lock. */
  readonly onWait?: (() => void) | undefined;
  /** What to call the place in the error where the lock cannot be made; default: the lock's own path. */
  readonly named?: string | undefined;
}

/**
 * Runs `work` while no other process runs its own for the same lock, and waits for that first. `path` is where the
 * lock lies while it is held: its folder must be there. `work` is given a signal that also says that the lock was lost
 * (its reason is then a `SitError("disk")`): the process slept, and another took it for dead.
 * @throws SitError "aborted" where the signal says so, "disk" where the lock cannot be made; what `work` throws
 */
export async function withLock<T>(
  path: string,
  work: (signal: AbortSignal) => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const lost = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, lost.signal]) : lost.signal;
  const release = await acquire(path, options, signal, () => {
    lost.abort(new SitError("disk", `${path}: another process took over what this one was at work on`));
  });
  try {
    return await work(signal);
  } finally {
    // A lock that was lost to somebody else cannot be released, and need not be.
    await release().catch(() => undefined);
  }
}

async function acquire(
  path: string,
  { staleMilliseconds: stale = 15_000, onWait, named = path }: LockOptions,
  signal: AbortSignal,
  onCompromised: () => void,
): Promise<() => Promise<void>> {
  const { default: lockfile } = await import("proper-lockfile");
  for (let attempt = 0; ; attempt++) {
    if (signal.aborted) throw new SitError("aborted", `${path}: waiting for the lock was cancelled`);
    try {
      return await lockfile.lock(path, {
        lockfilePath: path,
        realpath: false,
        stale,
        update: stale / 5,
        onCompromised,
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ELOCKED") throw notWritten(named, error);
      if (attempt === 0) onWait?.();
      await delay(250, undefined, { signal }).catch(() => undefined);
    }
  }
}
