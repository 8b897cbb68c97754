import type { ViewSpec } from "@sitjs/augment";
import { SitError, type SitErrorCode } from "@sitjs/core/errors";
import type { BatchRecipe, BatchTask } from "./make-batch.js";

/** What a worker is started with. */
export interface WorkerStart extends BatchRecipe {
  readonly views: readonly ViewSpec[];
  /** One 32-bit number in shared memory; not zero: stop. */
  readonly stop: SharedArrayBuffer;
}

export type ToWorker =
  | ({ readonly kind: "batch"; readonly id: number } & BatchTask)
  | { readonly kind: "close" };

export type FromWorker =
  | { readonly id: number; readonly views: Float32Array<ArrayBuffer>[] }
  | { readonly id: number; readonly error: PostedError };

/** An error as it crosses threads: a `SitError` would arrive as a plain `Error` without its code. */
export interface PostedError {
  readonly code: SitErrorCode;
  readonly message: string;
  readonly mend: string | undefined;
  readonly stack: string | undefined;
}

export function postError(error: unknown): PostedError {
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? error.stack : undefined;
  if (SitError.isInstance(error)) return { code: error.code, message, mend: error.mend, stack };
  return { code: "bad-option", message, mend: undefined, stack };
}

export function receiveError({ code, message, mend, stack }: PostedError): SitError {
  const error = new SitError(code, message, { mend });
  // Where it was thrown is in the worker; the place of receiving it tells nothing.
  if (stack !== undefined) error.stack = stack;
  return error;
}
