import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { SitError } from "../errors.js";

/** A file open for reading, whose length is known. */
export interface OpenFile {
  /** In bytes, when it was opened. */
  readonly size: number;
  /**
   * Fills `bytes` from `offset` on. Throws `SitError("bad-file")` where the file has become shorter or cannot be read.
   */
  read(offset: number, bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Systems read at most 2 GiB at once. */
const maximumRead = 2 ** 30;

/**
 * Opens a file to read parts of it. Never waits for a pipe or a device.
 * @throws SitError "missing-file" or "bad-file" naming it, where it is not there or no plain file
 */
export async function openFile(path: string): Promise<OpenFile> {
  const failed = (cause: unknown) => {
    if (SitError.isInstance(cause)) return cause;
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new SitError(missing ? "missing-file" : "bad-file", `${path}: cannot be read (${reason})`, {
      cause,
    });
  };
  // Windows has no O_NONBLOCK; elsewhere, opening a pipe without it waits for somebody to write.
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((cause) => {
    throw failed(cause);
  });
  try {
    const found = await handle.stat();
    if (!found.isFile()) {
      const got = found.isDirectory() ? "a folder" : "a pipe or a device";
      throw new SitError("bad-file", `${path}: expected a file, got ${got}`);
    }
    return {
      size: found.size,
      async read(offset, bytes) {
        try {
          for (let done = 0; done < bytes.length; ) {
            const length = Math.min(bytes.length - done, maximumRead);
            const { bytesRead } = await handle.read(bytes, done, length, offset + done);
            if (bytesRead === 0) {
              throw new SitError(
                "bad-file",
                `${path}: expected ${bytes.length} bytes from ${offset} on, got an end after ${done}`,
              );
            }
            done += bytesRead;
          }
        } catch (cause) {
          throw failed(cause);
        }
      },
      close: () => handle.close(),
    };
  } catch (cause) {
    await handle.close();
    throw failed(cause);
  }
}
