import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { crc32 } from "node:zlib";
import { openFile } from "../read-file.js";
import { openZip, type ZipEntry } from "./open-zip.js";
import { closed, type Sink, shown } from "./sink.js";
import type { ReadOptions } from "./tar.js";

/** The kind of file in a Unix mode, and what its bits say. */
const kindMask = 0o170000;
const unixKinds = new Map([
  [0, "file"],
  [0o100000, "file"],
  [0o040000, "folder"],
  [0o120000, "symbolic link"],
  [0o020000, "character device"],
  [0o060000, "block device"],
  [0o010000, "pipe"],
  [0o140000, "socket"],
]);

/** Unpacks a zip file into a sink. Throws what is wrong with it as any `Error`. */
export async function readZip(file: string, sink: Sink, { signal, onFraction }: ReadOptions): Promise<void> {
  const opened = await openFile(file);
  try {
    const zip = await openZip(opened);
    const { maximumEntries } = sink.limits;
    if (zip.entryCount > maximumEntries) {
      throw sink.refusal(`expected at most ${maximumEntries} entries, got ${zip.entryCount}`);
    }
    let read = 0;
    for await (const entry of zip.entries()) {
      signal?.throwIfAborted();
      const name = entry.fileName;
      const path = sink.admit({ name, kind: kindOf(entry, name), size: entry.uncompressedSize });
      if (path !== undefined) {
        if (entry.isEncrypted()) {
          throw sink.refusal(`refused, since the entry ${shown(name)} is encrypted`);
        }
        const out = await sink.open(path);
        try {
          // It checks the size as it goes: not a byte more than the entry says is written. It can fail as soon as it
          // is there, so nothing may be waited for before its error has somewhere to go.
          const content = await zip.stream(entry);
          await pipeline(content, checked(entry.crc32, name, signal), out);
        } finally {
          await closed(out);
        }
      }
      onFraction(++read / zip.entryCount);
    }
  } finally {
    await opened.close();
  }
}

function kindOf({ externalFileAttributes }: ZipEntry, name: string): string {
  if (name.endsWith("/")) return "folder";
  // The upper half is a Unix mode whatever system the archive says it is from: unpackers take it for one.
  const mode = (externalFileAttributes >>> 16) & kindMask;
  return unixKinds.get(mode) ?? `file of kind ${mode.toString(8)}`;
}

/** Passes an entry's bytes on, and fails at their end where they have another sum than the archive says. */
function checked(expected: number, name: string, signal: AbortSignal | undefined): Transform {
  let sum = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sum = crc32(chunk, sum);
      done(signal?.aborted ? new Error("cancelled") : null, chunk);
    },
    flush(done) {
      done(sum === expected ? null : new Error(`the entry ${shown(name)} has another checksum`));
    },
  });
}
