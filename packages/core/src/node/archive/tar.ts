import { once } from "node:events";
import { createReadStream } from "node:fs";
import { pipeline, type Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import type { ReadEntry } from "tar";
import { closed, type Sink, shown } from "./sink.js";

/** What the tar format itself may take for one entry: header, long name, extended header, padding. */
const overheadBytes = 4096;
/** An archive's end marks and what pads it to its block size. */
const endBytes = 2 ** 20;

const kinds: Record<string, string> = {
  File: "file",
  OldFile: "file",
  ContiguousFile: "file",
  Directory: "folder",
  GNUDumpDir: "folder",
  SymbolicLink: "symbolic link",
  Link: "hard link",
  CharacterDevice: "character device",
  BlockDevice: "block device",
  FIFO: "pipe",
};

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onFraction: (fraction: number) => void;
}

/** Unpacks a tar file, plain or gzipped, into a sink. Throws what is wrong with it as any `Error`. */
export async function readTar(
  file: string,
  { gzip, size }: { gzip: boolean; size: number },
  sink: Sink,
  { signal, onFraction }: ReadOptions,
): Promise<void> {
  const { Parser } = await import("tar");
  const admitted = new WeakMap<ReadEntry, string>();
  const stop = new AbortController();
  let storing: Promise<void> = Promise.resolve();
  let ended = false;
  const parser = new Parser({
    strict: true,
    brotli: false,
    zstd: false,
    // Called as soon as a header is read, before any of its content.
    filter(_, entry) {
      const { path: name, type, size } = entry as ReadEntry;
      const path = sink.admit({ name, kind: kinds[type] ?? type, size });
      if (path !== undefined) admitted.set(entry as ReadEntry, path);
      return path !== undefined;
    },
  });
  parser.on("error", (error: unknown) => stop.abort(error));
  parser.on("eof", () => {
    ended = true;
  });
  parser.on("ignoredEntry", (entry: ReadEntry) => {
    // Kinds that the parser leaves out itself, and headers that are too long to be read, would be left out silently.
    if (entry.type in kinds) return;
    stop.abort(sink.refusal(`refused, since the entry ${shown(entry.path)} is of kind ${entry.type}`));
  });
  parser.on("entry", (entry: ReadEntry) => {
    if (stop.signal.aborted) return;
    // One file at a time: an entry waits, paused, until the one before it is closed.
    storing = storing
      .then(() => store(entry, admitted.get(entry) as string, sink, stop.signal))
      .catch((error: unknown) => stop.abort(error));
  });

  const source = createReadStream(file, signal ? { signal } : {});
  try {
    for await (const chunk of unpacked(source, gzip, sink)) {
      onFraction(source.bytesRead / size);
      // What follows the end is no part of it, and the parser would keep it all.
      if (ended) continue;
      if (!parser.write(chunk)) await once(parser, "drain", { signal: stop.signal });
      stop.signal.throwIfAborted();
    }
    const end = once(parser, "end", { signal: stop.signal });
    // Its rejection counts below, also where `end` itself throws first.
    end.catch(() => undefined);
    parser.end();
    await end;
    if (!ended) throw new Error("the end is missing");
  } catch (error) {
    const first = stop.signal.aborted ? stop.signal.reason : error;
    stop.abort(first);
    throw first;
  } finally {
    source.destroy();
    await storing;
  }
}

async function store(entry: ReadEntry, path: string, sink: Sink, signal: AbortSignal): Promise<void> {
  const out = await sink.open(path);
  const give = () => out.destroy(new Error("given up"));
  signal.addEventListener("abort", give);
  try {
    if (signal.aborted) give();
    entry.pipe(out);
    await finished(out);
  } finally {
    signal.removeEventListener("abort", give);
    await closed(out);
  }
}

/** The bytes of the tar itself, no more than the limits allow. */
async function* unpacked(source: Readable, gzip: boolean, { limits, refusal }: Sink): AsyncGenerator<Buffer> {
  const most = limits.maximumBytes + limits.maximumEntries * overheadBytes + endBytes;
  const stream = gzip ? pipeline(source, createGunzip(), () => undefined) : source;
  let bytes = 0;
  let held: Buffer | undefined;
  for await (const part of stream as AsyncIterable<Buffer>) {
    const chunk: Buffer = held ? Buffer.concat([held, part]) : part;
    held = undefined;
    if (bytes === 0) {
      if (chunk.length < 2) {
        held = chunk;
        continue;
      }
      // The parser would unpack it once more, past the limits.
      if (chunk[0] === 0x1f && chunk[1] === 0x8b) throw new Error("it is a gzip file in a gzip file");
    }
    bytes += chunk.length;
    if (bytes > most) throw refusal(`expected at most ${limits.maximumBytes} bytes when unpacked, got more`);
    yield chunk;
  }
  if (held) throw new Error("it has 1 byte");
}
