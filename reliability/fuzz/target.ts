import type { SitErrorCode } from "@sitjs/core/errors";
import type { RandomStream } from "@sitjs/core/random";

/** One parser under test. */
export interface Target<T = unknown> {
  readonly name: string;
  /** Valid files; each must parse. */
  readonly corpus: () => readonly Uint8Array[];
  /** A malformed file made of a valid one; `rng` decides all. */
  readonly mutate: (file: Uint8Array, rng: RandomStream, corpus: readonly Uint8Array[]) => Uint8Array;
  /** The parser. May refuse with a `SitError` of one of `codes` whose message begins with `source`, and nothing else. */
  readonly parse: (file: Uint8Array) => T | Promise<T>;
  readonly codes: readonly SitErrorCode[];
  /** What the parser calls the file; undefined where the message names an option instead. */
  readonly source: string | undefined;
  /** Throws where an accepted value breaks a promise of the parser. */
  readonly check: (value: T, file: Uint8Array) => void;
  /** Called before the first and after the last input, as for a folder of files. */
  readonly open?: (scratch: string) => void;
  /** How many bytes may be allocated for a file of `size`; default `allowedBytes`. */
  readonly allowed?: (size: number) => number;
  /** True where the parser refuses nothing: it takes what it can, and says what that is. */
  readonly takesAll?: true;
  /** Inputs of this target for each one of the others; default 1. Less where each input makes files or folders. */
  readonly share?: number;
}

/** Every type of a target's value in one list. */
// biome-ignore lint/suspicious/noExplicitAny: a list of targets holds values of any type
export type AnyTarget = Target<any>;

/**
 * What a parser may allocate for a file of `size` bytes: 200 bytes for each, since a JSON text of `[0,0,…]` or a CSV file
 * of single letters becomes objects of tens of bytes each, and half a megabyte for the error, its stack and the like.
 */
export const allowedBytes = (size: number): number => 200 * size + 2 ** 19;

/** Throws unless `ok`; for a target's `check`. */
export function promise(ok: boolean, what: string): asserts ok {
  if (!ok) throw new Error(`broken promise: ${what}`);
}
