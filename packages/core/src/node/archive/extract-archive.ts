import { type FileHandle, open } from "node:fs/promises";
import { printable, requireOption, SitError } from "../../errors.js";
import { stageFolder } from "../stage-folder.js";
import { openSink, type Sink } from "./sink.js";
import { type ReadOptions, readTar } from "./tar.js";
import { readZip } from "./zip.js";

export interface ArchiveProgress {
  /** Share of the archive that has been read, 0 to 1. */
  readonly fraction: number;
  /** Files written so far. */
  readonly files: number;
}

export interface ArchiveOptions {
  /** A `.tar`, `.tar.gz`, `.tgz` or `.zip` (a Python wheel too): told apart by content, not by name. */
  readonly file: string;
  /** Folder of the content. Made; replaced where it is there. */
  readonly to: string;
  /** The most that all its files may have when unpacked, those not wanted counted. */
  readonly maximumBytes: number;
  /** The most entries it may have, folders and files not wanted counted; default 1,000,000. */
  readonly maximumEntries?: number | undefined;
  /** Which files to write, by their path in the archive; default all. */
  readonly wanted?: ((path: string) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ArchiveProgress) => void) | undefined;
}

/**
 * Unpacks an archive into a folder, which appears when all is done or stays as it was. Returns the paths of the files,
 * relative to the folder, with `/` between their parts. Times, owners and modes in the archive are not taken (no file
 * is executable), empty folders are left out, and an archive in the archive stays a file. The files are not flushed to
 * the disk one by one: what must outlast a power cut is to be checked again by whoever reads it.
 *
 * The archive is refused as a whole for an entry with an absolute path, `..`, a drive letter, a backslash or control
 * characters in its name, for two names that are one on systems without letter case, for encrypted entries, for any
 * wanted entry that is neither file nor folder (links of both kinds too), for more entries or bytes than allowed, for
 * wrong checksums and sizes, and where its end is missing.
 *
 * @throws SitError "bad-file", "missing-file", naming the archive; "disk", naming the folder; "aborted"
 */
export async function extractArchive(options: ArchiveOptions): Promise<string[]> {
  const { file, to, maximumBytes, maximumEntries = 1_000_000, wanted, signal } = options;
  requireCount(maximumBytes, "maximumBytes");
  requireCount(maximumEntries, "maximumEntries");
  const kind = await kindOf(file);
  const staged = await stageFolder(to);
  try {
    const sink = openSink(file, staged.path, { maximumBytes, maximumEntries }, wanted ?? (() => true));
    const onFraction = (fraction: number) => options.onProgress?.({ fraction, files: sink.written.length });
    await read(file, kind, sink, { signal, onFraction });
    signal?.throwIfAborted();
    await staged.commit();
    return [...sink.written];
  } catch (error) {
    await staged.discard();
    if (signal?.aborted) throw new SitError("aborted", `${file}: unpacking was cancelled`);
    throw explained(error, file, to);
  }
}

interface ArchiveKind {
  readonly format: "zip" | "gzip" | "tar";
  readonly size: number;
}

async function read(file: string, kind: ArchiveKind, sink: Sink, options: ReadOptions): Promise<void> {
  if (kind.format === "zip") await readZip(file, sink, options);
  else await readTar(file, { gzip: kind.format === "gzip", size: kind.size }, sink, options);
}

async function kindOf(file: string): Promise<ArchiveKind> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file);
    const { size } = await handle.stat();
    const start = Buffer.alloc(4);
    await handle.read(start, 0, 4, 0);
    if (start.toString("latin1", 0, 2) === "PK") return { format: "zip", size };
    return { format: start.readUInt16BE(0) === 0x1f8b ? "gzip" : "tar", size };
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new SitError(missing ? "missing-file" : "bad-file", `${file}: cannot be read (${reason(cause)})`, {
      cause,
    });
  } finally {
    await handle?.close();
  }
}

const longestReason = 300;

/** What the disk says when files are written. */
const diskCodes = new Set(["EACCES", "EDQUOT", "EFBIG", "EIO", "EMFILE", "ENOSPC", "EPERM", "EROFS"]);

function explained(error: unknown, file: string, to: string): SitError {
  if (SitError.isInstance(error)) return error;
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code !== undefined && diskCodes.has(code)) {
    return new SitError("disk", `${to}: cannot be written (${reason(error)})`, {
      mend: "Free some space there, or name another folder.",
      cause: error,
    });
  }
  // The libraries' own words may quote anything of the archive.
  const why = printable(reason(error).slice(0, longestReason));
  return new SitError("bad-file", `${file}: expected a whole tar or zip archive: ${why}`, { cause: error });
}

function requireCount(value: number, option: string): void {
  requireOption(Number.isSafeInteger(value) && value >= 0, option, "a whole number", value);
}

const reason = (error: unknown) => (error instanceof Error ? error.message : String(error));
