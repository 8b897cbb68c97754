import { type OpenFile, openFile } from "@sitjs/core/node";
import { checkRecords } from "./check-records.js";

/** Records are read by about this many bytes at a time. */
const chunkBytes = 4 * 2 ** 20;

/** A file of records of one size. */
export interface RecordFile {
  readonly path: string;
  readonly count: number;
  /** Hands all records to `take`, some at a time; `first` is the number of the first of them. */
  read(take: (records: Uint8Array, first: number) => void): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a file of records; it may be larger than memory allows a single array to be.
 * @param what what one record is, for messages
 * @throws SitError "missing-file" or "bad-file" where its length is not that of whole records, at least one
 */
export async function openRecords(path: string, recordBytes: number, what: string): Promise<RecordFile> {
  const file = await openFile(path);
  try {
    const start = new Uint8Array(Math.min(2, file.size));
    await file.read(0, start);
    const count = checkRecords({ start, size: file.size, recordBytes, what, name: path });
    return {
      path,
      count,
      read: (take) => readAll(file, count, recordBytes, take),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readAll(
  file: OpenFile,
  count: number,
  recordBytes: number,
  take: (records: Uint8Array, first: number) => void,
): Promise<void> {
  const atOnce = Math.min(count, Math.max(1, Math.floor(chunkBytes / recordBytes)));
  const buffer = new Uint8Array(atOnce * recordBytes);
  for (let first = 0; first < count; first += atOnce) {
    const chunk = buffer.subarray(0, Math.min(atOnce, count - first) * recordBytes);
    await file.read(first * recordBytes, chunk);
    take(chunk, first);
  }
}
