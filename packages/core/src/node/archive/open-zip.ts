import { Readable } from "node:stream";
import type { Entry } from "yauzl";
import type { OpenFile } from "../read-file.js";

/** Bytes that a stream reads at once. */
const CHUNK = 2 ** 16;

/** What an archive says of an entry. */
export interface ZipEntry {
  readonly fileName: string;
  /** 0: stored as it is. */
  readonly compressionMethod: number;
  readonly compressedSize: number;
  readonly uncompressedSize: number;
  readonly crc32: number;
  readonly externalFileAttributes: number;
  isEncrypted(): boolean;
}

/** A zip archive, open for reading. */
export interface OpenZip {
  readonly entryCount: number;
  entries(): AsyncIterable<ZipEntry>;
  /** The unpacked bytes; fails where they are not as many as the entry says. */
  stream(entry: ZipEntry): Promise<Readable>;
  /** Where in the file an entry's bytes begin. */
  contentStart(entry: ZipEntry): Promise<number>;
}

/**
 * Opens a zip archive in a file, which stays the caller's to close. With its own reader of files the library throws where
 * nobody can catch it when a damaged archive points beyond what a number holds; here such a place is an error like any other.
 * @throws whatever is wrong with the archive, as any `Error`
 */
export async function openZip(file: OpenFile): Promise<OpenZip> {
  const { fromRandomAccessReaderPromise, RandomAccessReader } = await import("yauzl");
  class Reader extends RandomAccessReader {
    override read(
      buffer: Buffer,
      offset: number,
      length: number,
      position: number,
      callback: (error: Error | null) => void,
    ): void {
      within(position, position + length)
        .then(() => file.read(position, buffer.subarray(offset, offset + length)))
        .then(() => setImmediate(callback, null), callback);
    }
    override _readStreamForRange(start: number, end: number): Readable {
      return Readable.from(chunks(start, end), { objectMode: false });
    }
  }
  const within = async (start: number, end: number): Promise<void> => {
    if (!(start >= 0 && start <= end && end <= file.size))
      throw new Error(`it points at bytes ${start} to ${end} of ${file.size}`);
  };
  async function* chunks(start: number, end: number): AsyncGenerator<Buffer> {
    await within(start, end);
    for (let at = start; at < end; at += CHUNK) {
      const chunk = Buffer.alloc(Math.min(CHUNK, end - at));
      await file.read(at, chunk);
      yield chunk;
    }
  }
  const zip = await fromRandomAccessReaderPromise(new Reader(), file.size, { autoClose: false });
  return {
    entryCount: zip.entryCount,
    entries: () => zip.eachEntry(),
    stream: (entry) => zip.openReadStreamPromise(entry as Entry),
    async contentStart(entry) {
      return (await zip.readLocalFileHeaderPromise(entry as Entry, { minimal: true })).fileDataStart;
    },
  };
}
