import { createWriteStream, type WriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { printable, SitError } from "../../errors.js";
import { EntryPaths, entryParts } from "./entry-paths.js";

/** An entry as its archive describes it. */
export interface EntryClaim {
  readonly name: string;
  /** "file" or "folder"; what else there is (a link, a device) is named, and refused. */
  readonly kind: string;
  /** Bytes when unpacked. */
  readonly size: number;
}

export interface Limits {
  readonly maximumBytes: number;
  readonly maximumEntries: number;
}

/** Judges the entries of an archive, and writes files below a folder that was empty at first. */
export interface Sink {
  readonly limits: Limits;
  /** Paths of the files that were written. */
  readonly written: readonly string[];
  /** The path of a file to be written; undefined for folders and what is not wanted. Throws `SitError("bad-file")`. */
  admit(claim: EntryClaim): string | undefined;
  /** Opens an admitted file for writing. */
  open(path: string): Promise<WriteStream>;
  /** `SitError("bad-file")` of the archive. */
  refusal(why: string, cause?: unknown): SitError;
}

export function openSink(
  file: string,
  folder: string,
  limits: Limits,
  wanted: (path: string) => boolean,
): Sink {
  const paths = new EntryPaths();
  const made = new Set<string>();
  const written: string[] = [];
  let entries = 0;
  let bytes = 0;
  const refusal = (why: string, cause?: unknown) => new SitError("bad-file", `${file}: ${why}`, { cause });

  return {
    limits,
    written,
    refusal,
    admit({ name, kind, size }) {
      const refuse = (why: string) => refusal(`refused, since the entry ${shown(name)} ${why}`);
      if (++entries > limits.maximumEntries) {
        throw refusal(`expected at most ${limits.maximumEntries} entries, got more`);
      }
      let parts: string[];
      try {
        parts = entryParts(name);
        if (kind === "file" || kind === "folder") paths.add(parts, kind);
      } catch (error) {
        throw refuse((error as Error).message);
      }
      const path = parts.join("/");
      if (kind === "folder") return undefined;
      if (path === "") throw refuse("has no name");
      if (!Number.isSafeInteger(size) || size < 0) throw refuse("has no proper size");
      bytes += size;
      if (bytes > limits.maximumBytes) {
        throw refusal(`expected at most ${limits.maximumBytes} bytes when unpacked, got more`);
      }
      if (!wanted(path)) return undefined;
      if (kind !== "file") throw refuse(`is a ${kind}`);
      return path;
    },
    async open(path) {
      const target = join(folder, ...path.split("/"));
      const parent = dirname(target);
      if (!made.has(parent)) {
        await mkdir(parent, { recursive: true });
        made.add(parent);
      }
      written.push(path);
      // "x": never over another file or through a link. The archive's own mode is not taken: nothing is executable.
      return createWriteStream(target, { flags: "wx", mode: 0o644 });
    },
  };
}

/** An entry's name for messages. */
export function shown(name: string): string {
  return printable(JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name));
}

/** Ends a file whatever state it is in. One that is still being opened would appear after its folder is removed. */
export async function closed(out: WriteStream): Promise<void> {
  if (out.closed) return;
  await new Promise<void>((resolve) => {
    out.once("close", resolve).on("error", () => undefined);
    out.destroy();
  });
}
