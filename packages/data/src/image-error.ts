import { readlink } from "node:fs/promises";
import { printable, SitError } from "@sitjs/core/errors";

/** What is wrong with an image, or with an entry of a folder that should be one; stable, for programs to count by. */
export type ImageProblemKind =
  /** No bytes at all. */
  | "empty"
  /** The file ends before its image does. */
  | "truncated"
  /** The file is whole, but its pixels cannot be decoded. */
  | "damaged"
  /** Something else: a page, a document, an archive. */
  | "not-an-image"
  /** An image, but no JPEG, PNG, WebP or GIF. */
  | "unsupported-format"
  /** More pixels than `maximumPixels`, or a file of more than 1 GiB. */
  | "too-large"
  /** The system refuses to read the file or folder. */
  | "unreadable"
  /** Nothing is at the path (any more). */
  | "missing"
  /** A symbolic link that leads nowhere or in a circle. */
  | "link"
  /** A pipe, socket or device; such entries are never opened. */
  | "not-a-file"
  /** A name that is no valid UTF-8, which a path in JavaScript cannot hold. */
  | "bad-name"
  /** A class without any image: the folder has none, or none that can be read. */
  | "empty-class";

/** A file that gives no image. `code` is "missing-file" where nothing is at the path, else "bad-file". */
export class ImageError extends SitError {
  readonly kind: ImageProblemKind;
  /** What is wrong, in words, without the path. */
  readonly reason: string;

  constructor(path: string, kind: ImageProblemKind, reason: string, cause?: unknown) {
    const missing = kind === "missing" || (kind === "link" && codeOf(cause) === "ENOENT");
    super(
      missing ? "missing-file" : "bad-file",
      `${printable(path)}: expected a readable image, got: ${reason}`,
      {
        mend: 'Remove or replace it; with verify: "full" such images are left out and listed.',
        cause,
      },
    );
    this.kind = kind;
    this.reason = reason;
  }
}

/**
 * The `ImageError` of a path that cannot be reached, opened or read.
 * @throws SitError "disk" for faults of the machine: no image is left out for them.
 */
export async function accessError(path: string, cause: unknown): Promise<ImageError> {
  const code = codeOf(cause);
  if (code === "EMFILE" || code === "ENFILE" || code === "ENOMEM") {
    const message = `${printable(path)}: expected to read it, got ${code} from the system`;
    const mend = code === "ENOMEM" ? "Free some memory." : "Raise the limit of open files (ulimit -n).";
    throw new SitError("disk", message, { mend, cause });
  }
  if (code === "ENOENT") {
    const target = await readlink(path).catch(() => undefined);
    if (target === undefined) return new ImageError(path, "missing", "nothing at this path", cause);
    return new ImageError(path, "link", `a link to ${printable(target)}, which is not there`, cause);
  }
  if (code === "ELOOP") return new ImageError(path, "link", "a link that leads in a circle", cause);
  return new ImageError(path, "unreadable", refusal(code, cause), cause);
}

function refusal(code: string | undefined, cause: unknown): string {
  if (code === "EACCES" || code === "EPERM") return `permission denied (${code})`;
  if (code === "ENAMETOOLONG") return "a path longer than the system allows";
  if (code === "EIO" || code === "ESTALE") return `a fault of the disk or network drive (${code})`;
  return `cannot be read (${code ?? reason(cause)})`;
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** The first line of an error's message. */
export function reason(error: unknown): string {
  return printable((error instanceof Error ? error.message : String(error)).split("\n", 1)[0] as string);
}
