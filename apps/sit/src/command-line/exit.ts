import { SitError, type SitErrorCode } from "@sitjs/core/errors";

/** Thrown where the user has stopped the run. */
export class Stopped extends Error {
  override readonly name = "Stopped";
  constructor(readonly signal: "SIGINT" | "SIGTERM") {
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

/** 2: the user can mend it by other input; 130 and 143: stopped; 1: anything else. */
export function exitCode(error: unknown): number {
  if (error instanceof Stopped) return error.signal === "SIGINT" ? 130 : 143;
  if (!SitError.isInstance(error)) return 1;
  if (error.code === "aborted") return 130;
  return badInput.has(error.code) ? 2 : 1;
}

/** What to print of an error: one line, and one more where the mend is known. */
export function errorLines(error: unknown): string[] {
  if (error instanceof Stopped) return ["stopped"];
  if (!SitError.isInstance(error)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return [`sit: unexpected error: ${text}`];
  }
  const lines = [`sit: ${oneLine(error.message)}`];
  if (error.mend !== undefined) lines.push(`  ${oneLine(error.mend)}`);
  return lines;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ");
}
