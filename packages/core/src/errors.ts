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
  | "aborted";

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
  if (!ok) throw new SitError("bad-option", `${option}: expected ${expected}, got ${show(got)}`);
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return "a function";
  if (typeof value === "object" && value !== null) {
    try {
      return JSON.stringify(value);
    } catch {
      return Object.prototype.toString.call(value);
    }
  }
  return String(value);
}
