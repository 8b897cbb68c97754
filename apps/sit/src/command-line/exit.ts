import { SitError, type SitErrorCode } from "@sitjs/core/errors";

/** What stops a run from outside: the user, the system, or a reader of its output that has gone. */
export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGPIPE";

/** 128 and the signal's number, as shells have it. */
const stopCodes: Readonly<Record<StopSignal, number>> = {
  SIGINT: 130,
  SIGTERM: 143,
  SIGHUP: 129,
  SIGPIPE: 141,
};

/** Where a run was when it was stopped. */
export interface StopPlace {
  /** The last checkpoint's folder; undefined where nothing was saved. */
  readonly checkpoint?: string;
  /** Steps done there. */
  readonly step?: number;
  /** What of the work is done and kept, where that is no checkpoint. */
  readonly done?: string;
  /** The command that goes on. */
  readonly resume?: string;
}

/** Thrown where the run has been stopped. */
export class Stopped extends Error {
  override readonly name = "Stopped";
  /** Known once the run has ended. */
  place: StopPlace | undefined;
  constructor(readonly signal: StopSignal) {
    super(`stopped by ${signal}`);
  }
}

const badInput: ReadonlySet<SitErrorCode> = new Set([
  "bad-option",
  "bad-shape",
  "bad-file",
  "missing-file",
  "bad-parameters",
]);

/** 2: the user can mend it by other input; 128 and the signal's number: stopped; 1: anything else. */
export function exitCode(error: unknown): number {
  if (error instanceof Stopped) return stopCodes[error.signal];
  if (!SitError.isInstance(error)) return 1;
  if (error.code === "aborted") return 130;
  return badInput.has(error.code) ? 2 : 1;
}

/** What to print of an error: one line, and one more where the mend is known. */
export function errorLines(error: unknown): string[] {
  if (error instanceof Stopped) return stopLines(error);
  if (isSystemError(error)) {
    const lines = [`sit: ${oneLine(error.message)}`];
    const mend = systemMends[error.code];
    return mend === undefined ? lines : [...lines, `  ${mend}`];
  }
  if (!SitError.isInstance(error)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return [`sit: unexpected error: ${text}`];
  }
  const lines = [`sit: ${oneLine(error.message)}`];
  if (error.mend !== undefined) lines.push(`  ${oneLine(error.mend)}`);
  return lines;
}

/** What the system refuses is no mistake of the program: its message names what was tried and the file. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  if (!(error instanceof Error) || SitError.isInstance(error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return typeof code === "string" && typeof syscall === "string";
}

const systemMends: Readonly<Record<string, string>> = {
  EMFILE: "This process may open more files after `ulimit -n 4096`.",
  ENFILE: "The system has as many files open as it can.",
  ENOSPC: "Free some space there.",
  ENOMEM: "The system has no memory left.",
};

function stopLines({ signal, place }: Stopped): string[] {
  // Nobody reads them.
  if (signal === "SIGPIPE") return [];
  if (place === undefined) return [`sit: stopped by ${signal}`];
  const { checkpoint, step, done, resume } = place;
  if (checkpoint === undefined && done !== undefined) {
    return [`sit: stopped by ${signal}; ${done}`, `  Go on with: ${resume}`];
  }
  if (checkpoint === undefined) return [`sit: stopped by ${signal} before anything was saved`];
  return [`sit: stopped by ${signal}; saved after step ${step} in ${checkpoint}`, `  Go on with: ${resume}`];
}

/** What the packages call their options, and the command line its own. */
const options = {
  maximumBadShare: "--bad-images",
  skipNotFinite: "--skip-not-finite",
  workerTimeout: "--worker-timeout",
} as const;

function oneLine(text: string): string {
  return text
    .replace(/\s*\n\s*/g, " ")
    .replace(
      /\b(maximumBadShare|skipNotFinite|workerTimeout)\b/g,
      (name) => options[name as keyof typeof options],
    );
}
