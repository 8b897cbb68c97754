import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { SitError } from "../../errors.js";
import { flushFolder } from "../flush.js";
import { hashFile } from "../hash-file.js";
import { writeFileAtomically } from "../write-file.js";

/** What the server said of the file, which tells whether a later answer goes on with the same content. */
export interface Origin {
  readonly url: string;
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
  /** Length of the whole file. */
  readonly totalBytes?: number | undefined;
}

export type SumName = "sha256" | "md5";

/** A download that is not complete, in a file beside its place. Every method throws `SitError("disk")`. */
export interface PartialFile {
  readonly path: string;
  readonly bytes: number;
  /** Of the bytes that are there; undefined where there are none. */
  readonly origin: Origin | undefined;
  /** Empties the file, for content of this origin. */
  restart(origin: Origin): Promise<void>;
  append(bytes: Uint8Array): Promise<void>;
  /** Sum of all bytes that are there, in hex. */
  sum(): string;
  /** Flushes the file and moves it to its place. */
  finish(): Promise<void>;
  discard(): Promise<void>;
  /** Closes the file; an empty one is removed. */
  close(): Promise<void>;
}

/** Opens the partial file of `target`, with what an earlier download of `url` has left in it. */
export async function openPartial(
  target: string,
  url: string,
  algorithm: SumName,
  signal: AbortSignal,
): Promise<PartialFile> {
  const path = `${target}.partial`;
  const note = `${path}.json`;
  const onDisk = diskWork(target, path);
  let origin = await readNote(note, url);
  let hash = createHash(algorithm);
  let bytes = 0;
  let file: FileHandle | undefined;

  if (origin) {
    bytes = await stat(path).then(
      (found) => (found.isFile() ? found.size : 0),
      () => 0,
    );
    if (bytes > 0) {
      try {
        hash = await hashFile(path, hash, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        bytes = 0;
      }
    }
    if (bytes === 0) origin = undefined;
  }

  const opened = async () => {
    // No link is followed: in a shared folder somebody else may have laid one where the file will be.
    file ??= await open(path, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o644);
    return file;
  };
  const close = async () => {
    const open = file;
    file = undefined;
    await open?.close();
  };
  const discard = async () => {
    await close();
    await rm(path, { force: true });
    await rm(note, { force: true });
    [bytes, origin, hash] = [0, undefined, createHash(algorithm)];
  };
  return {
    path,
    get bytes() {
      return bytes;
    },
    get origin() {
      return origin;
    },
    restart: (next) =>
      onDisk(async () => {
        // Emptied before the note changes: a note must never speak of another file's bytes.
        await (await opened()).truncate(0);
        [bytes, origin, hash] = [0, next, createHash(algorithm)];
        await writeFileAtomically(note, JSON.stringify(next));
      }),
    append: (chunk) =>
      onDisk(async () => {
        const handle = await opened();
        for (let done = 0; done < chunk.length; ) {
          const { bytesWritten } = await handle.write(chunk, done, chunk.length - done, bytes + done);
          done += bytesWritten;
        }
        hash.update(chunk);
        bytes += chunk.length;
      }),
    sum: () => hash.copy().digest("hex"),
    finish: () =>
      onDisk(async () => {
        await (await opened()).sync();
        await close();
        await rename(path, target);
        await flushFolder(dirname(target));
        await rm(note, { force: true });
      }),
    discard: () => onDisk(discard),
    close: () => onDisk(bytes === 0 ? discard : close),
  };
}

function diskWork(target: string, partial: string): <T>(work: () => Promise<T>) => Promise<T> {
  return async (work) => {
    try {
      return await work();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new SitError("disk", `${target}: cannot be written (${reason})`, {
        mend: `Free some space there and try again: what has come is kept in ${partial}.`,
        cause,
      });
    }
  };
}

/** The origin of the partial file, if it came from this address. */
async function readNote(path: string, url: string): Promise<Origin | undefined> {
  try {
    const note = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
    if (note.url !== url) return undefined;
    const text = (value: unknown) => (typeof value === "string" ? value : undefined);
    const totalBytes = typeof note.totalBytes === "number" ? note.totalBytes : undefined;
    return { url, etag: text(note.etag), lastModified: text(note.lastModified), totalBytes };
  } catch {
    return undefined;
  }
}
