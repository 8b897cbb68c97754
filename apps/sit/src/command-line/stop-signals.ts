import { exitCode, Stopped, type StopSignal } from "./exit.js";

/** How long a stopped command may take to end, in milliseconds, unless it is saving. */
const GRACE = 5000;
/** Two signals as close as this are one: npm passes on the one that the terminal has sent to both of us. */
const SAME = 500;

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** What stops a command, and how long it is waited for. */
export interface Stops {
  /** Aborted by the first signal, with `Stopped` as its reason. */
  readonly signal: AbortSignal;
  /** While `work` goes on it is waited for, however long it takes to finish its step and to save. */
  saving<T>(work: () => Promise<T>): Promise<T>;
  close(): void;
}

/**
 * Listens for signals, and for the end of whoever reads the output. The first stops the command, a second one ends the
 * process at once; where the command waits for something slow and does not save, its time is limited.
 *
 * @param leave ends the process; told what has stopped it
 */
export function listenForStops(leave: (reason: Stopped) => void): Stops {
  const abort = new AbortController();
  let since = 0;
  let busy = 0;
  let timer: NodeJS.Timeout | undefined;
  const limit = () => {
    timer ??= setTimeout(() => leave(abort.signal.reason as Stopped), GRACE).unref();
  };
  const stop = (name: StopSignal) => {
    if (!abort.signal.aborted) {
      since = performance.now();
      abort.abort(new Stopped(name));
      if (busy === 0) limit();
    } else if (name !== "SIGPIPE" && performance.now() - since > SAME) {
      // Not `leave`: nothing may be waited for.
      process.exit(exitCode(new Stopped(name)));
    }
  };
  const broken = () => stop("SIGPIPE");
  for (const name of signals) process.on(name, stop);
  for (const stream of [process.stdout, process.stderr]) stream.on("error", broken);
  return {
    signal: abort.signal,
    async saving(work) {
      busy++;
      if (timer !== undefined) clearTimeout(timer);
      timer = undefined;
      try {
        return await work();
      } finally {
        busy--;
        if (busy === 0 && abort.signal.aborted) limit();
      }
    },
    close() {
      if (timer !== undefined) clearTimeout(timer);
      for (const name of signals) process.off(name, stop);
      for (const stream of [process.stdout, process.stderr]) stream.off("error", broken);
    },
  };
}
