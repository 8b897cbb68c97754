import type { ViewSpec } from "@sitjs/augment";
import { SitError, type SitErrorCode } from "@sitjs/core/errors";
import type { BatchRecipe, BatchTask, MadeBatch } from "./batch-task.js";
import { isOutOfMemory } from "./faults.js";
import { ImageError } from "./image-error.js";

/** What a worker is started with. */
export interface WorkerStart extends BatchRecipe {
  readonly views: readonly ViewSpec[];
  /** One 32-bit number in shared memory; not zero: stop. */
  readonly stop: SharedArrayBuffer;
  /** Two 32-bit numbers in shared memory, written by the worker as `Progress` says. */
  readonly progress: SharedArrayBuffer;
}

/** Places of a worker's `progress`; its messages alone would not tell a slow batch from a thread that hangs. */
export const Progress = {
  /** Grows, and wraps around, with every sample begun. */
  Count: 0,
  /** The sample that is waited for, or -1. */
  Sample: 1,
} as const;

export type ToWorker =
  | ({ readonly kind: "batch"; readonly id: number } & BatchTask)
  | { readonly kind: "close" };

export type FromWorker =
  | ({ readonly id: number } & MadeBatch)
  | { readonly id: number; readonly error: PostedError };

/** An error as it crosses threads: a `SitError` would arrive as a plain `Error` without its code. */
export interface PostedError {
  readonly code: SitErrorCode;
  readonly message: string;
  readonly mend: string | undefined;
  readonly stack: string | undefined;
  /** Of an `ImageError`. */
  readonly image: Pick<ImageError, "kind" | "reason"> | undefined;
  /** Memory could not be had: another thread, or the same one later, may get it. */
  readonly outOfMemory: boolean;
}

export function postError(error: unknown): PostedError {
  const message = error instanceof Error ? error.message : String(error);
  const { code, mend } = SitError.isInstance(error)
    ? error
    : { code: "bad-option" as const, mend: undefined };
  return {
    code,
    message,
    mend,
    stack: error instanceof Error ? error.stack : undefined,
    image: error instanceof ImageError ? { kind: error.kind, reason: error.reason } : undefined,
    outOfMemory: isOutOfMemory(error),
  };
}

export function receiveError({ code, message, mend, stack, image }: PostedError): SitError {
  const error = image
    ? Object.assign(new ImageError("", image.kind, image.reason), { code, message, mend })
    : new SitError(code, message, { mend });
  // Where it was thrown is in the worker; the place of receiving it tells nothing.
  if (stack !== undefined) error.stack = stack;
  return error;
}
