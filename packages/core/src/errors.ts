/** What kind of thing went wrong; stable, for programs to branch on. */
export type SitErrorCode =
  | "bad-option"
  | "bad-shape"
  | "bad-file"
  | "missing-file"
  | "bad-parameters"
  | "engine-unavailable"
  | "engine-install"
  | "network"
  | "disk"
  | "not-finite"
  | "aborted"
  | "not-conforming";

const marker = Symbol.for("sitjs.error");

/**
 * The one error of these packages: `message` names the option or file, what was expected, and what came.
 * `SitError.isInstance` also knows errors made by another copy of the package.
 */
export class SitError extends Error {
  override readonly name = "SitError";
  readonly code: SitErrorCode;
  /** What the user can do about it, if that is known: one sentence. */
  readonly mend: string | undefined;

  constructor(code: SitErrorCode, message: string, options: { mend?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.mend = options.mend;
    Object.defineProperty(this, marker, { value: true });
  }

  static isInstance(error: unknown): error is SitError {
    return typeof error === "object" && error !== null && (error as Record<symbol, unknown>)[marker] === true;
  }
}

/** Throws `SitError("bad-option")` unless `ok`: `option: expected …, got …`. */
export function requireOption(ok: boolean, option: string, expected: string, got: unknown): asserts ok {
  if (!ok) throw new SitError("bad-option", `${printable(option)}: expected ${expected}, got ${show(got)}`);
}

/**
 * A name as it can be put into a message: what moves the cursor, ends the line, turns the direction of writing or is
 * no character at all is written as an escape, so that no file name can pass for another line of output.
 */
export function printable(name: string): string {
  return name.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, (character) => {
    if (character === "\n") return "\\n";
    return `\\u{${(character.codePointAt(0) as number).toString(16)}}`;
  });
}

/** Messages are for reading: what is longer is cut. */
const longestShown = 200;

function show(value: unknown): string {
  const text = printable(written(value));
  return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
}

function written(value: unknown): string {
  if (typeof value === "function") return "a function";
  if (typeof value !== "string" && (typeof value !== "object" || value === null)) return String(value);
  try {
    return JSON.stringify(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}
