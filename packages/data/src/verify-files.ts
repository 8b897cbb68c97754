import { availableParallelism } from "node:os";
import type { FolderProblem } from "./folder-scan.js";
import { ImageError } from "./image-error.js";

export interface VerifyFilesOptions {
  /** Rejects with an `ImageError` for a file that cannot be read; by its number. */
  verify(index: number): Promise<void>;
  readonly onProgress?: ((progress: { checked: number; total: number }) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks at every file, several at a time, and gives the unreadable ones in no certain order. Once `signal` is aborted
 * no further file is begun, and its reason is thrown when those in work are done.
 */
export async function verifyFiles(
  files: readonly string[],
  { verify, onProgress, signal }: VerifyFilesOptions,
): Promise<FolderProblem[]> {
  const problems: FolderProblem[] = [];
  let next = 0;
  let checked = 0;
  const lane = async () => {
    while (next < files.length && !signal?.aborted) {
      const index = next++;
      try {
        await verify(index);
      } catch (error) {
        // Anything else is no fault of the file, and ends the other lanes too.
        if (!(error instanceof ImageError)) {
          next = files.length;
          throw error;
        }
        problems.push({ path: files[index] as string, kind: error.kind, reason: error.reason });
      }
      onProgress?.({ checked: ++checked, total: files.length });
    }
  };
  await Promise.all(Array.from({ length: Math.min(16, 2 * availableParallelism()) }, lane));
  signal?.throwIfAborted();
  return problems;
}
