import { SitError } from "@sitjs/core/errors";

/** What is known of a file of records before its records are read. */
export interface RecordsHeader {
  /** The file's first bytes, two where it has them. */
  readonly start: Uint8Array;
  readonly size: number;
  readonly recordBytes: number;
  /** What one record is, for messages. */
  readonly what: string;
  /** What messages call the file. */
  readonly name: string;
}

/**
 * The number of records in a file, by its length.
 * @throws SitError "bad-file" where it is empty, compressed, or not of whole records
 */
export function checkRecords({ start, size, recordBytes, what, name }: RecordsHeader): number {
  const whole = size > 0 && size % recordBytes === 0;
  if (whole) return size / recordBytes;
  const gzip = start[0] === 0x1f && start[1] === 0x8b;
  const got = gzip ? "a gzip file (unpack it first)" : `${size} bytes`;
  throw new SitError("bad-file", `${name}: expected one or more ${what} of ${recordBytes} bytes, got ${got}`);
}

/**
 * Throws `SitError("bad-file")` unless a label of a record is below `limit`.
 * @param described the label as the file has it
 */
export function requireLabel(
  ok: boolean,
  name: string,
  record: number,
  range: string,
  described: number,
): void {
  if (ok) return;
  throw new SitError("bad-file", `${name}: record ${record}: expected a label ${range}, got ${described}`);
}
