/** Whose fault an error is: the file's, the machine's memory, or neither (a bug, a bad transform). */
import { ImageError } from "./image-error.js";

/** Whether reading failed because of the file itself: it is missing, cannot be read, or holds no image. */
export function isFileFault(error: unknown): error is ImageError {
  return error instanceof ImageError && !isOutOfMemory(error);
}

/** Whether memory for pixels or for a file's bytes could not be had. */
export function isOutOfMemory(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ERR_MEMORY_ALLOCATION_FAILED" || code === "ENOMEM") return true;
  if (error instanceof RangeError && /allocation failed/i.test(error.message)) return true;
  return error.cause !== error && isOutOfMemory(error.cause);
}
