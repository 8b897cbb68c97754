/** Whose fault an error is: the file's, the machine's memory, or neither (a bug, a bad transform). */
import { SitError } from "@sitjs/core/errors";

/** System errors that say nothing about the file they name: too many files open, no memory. */
const MACHINE_CODES: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE", "ENOMEM"]);

/** Whether reading failed because of the file itself: it is missing, cannot be read, or holds no image. */
export function isFileFault(error: unknown): error is SitError {
  if (!SitError.isInstance(error) || (error.code !== "bad-file" && error.code !== "missing-file"))
    return false;
  return !causes(error).some((one) => MACHINE_CODES.has(codeOf(one)) || isAllocationFailure(one));
}

/** Whether memory for pixels or for a file's bytes could not be had. */
export function isOutOfMemory(error: unknown): boolean {
  return causes(error).some((one) => isAllocationFailure(one) || codeOf(one) === "ENOMEM");
}

function isAllocationFailure(error: unknown): boolean {
  if (codeOf(error) === "ERR_MEMORY_ALLOCATION_FAILED") return true;
  return error instanceof RangeError && /allocation failed/i.test(error.message);
}

/** The error and what it was caused by, one after the other. */
function causes(error: unknown): unknown[] {
  const list: unknown[] = [];
  // A chain that comes back to its beginning ends here too.
  for (let one = error; one !== undefined && !list.includes(one); one = (one as Error).cause) {
    list.push(one);
    if (!(one instanceof Error)) break;
  }
  return list;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
