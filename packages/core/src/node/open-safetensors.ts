import { SitError } from "../errors.js";
import { entryOf, type SafetensorsEntry, type SafetensorsHeader } from "../safetensors.js";
import { parseHeader, readHeaderLength } from "../safetensors-header.js";
import { openFile } from "./read-file.js";

/** A safetensors file whose header has been read and whose tensors have not. */
export interface OpenSafetensors extends SafetensorsHeader {
  /**
   * Reads one tensor.
   * @throws SitError "bad-parameters" for a name that is not there, "bad-file" where the file has changed meanwhile
   */
  read(name: string): Promise<SafetensorsEntry>;
  /** Closes the file. */
  close(): Promise<void>;
}

/**
 * Opens a safetensors file to see what it holds and to read single tensors of it: memory is that of the header and of
 * what is read. Everything that `readSafetensors` checks is checked, against the file's length. Close it when done.
 *
 * @throws SitError "missing-file" or "bad-file"
 */
export async function openSafetensors(path: string): Promise<OpenSafetensors> {
  const file = await openFile(path);
  try {
    const first = new Uint8Array(Math.min(8, file.size));
    await file.read(0, first);
    const text = new Uint8Array(readHeaderLength(first, file.size, path));
    await file.read(8, text);
    const { tensors, metadata } = parseHeader(text, file.size, path);
    return {
      tensors,
      metadata,
      async read(name) {
        const info = tensors[name];
        if (info === undefined) {
          const names = Object.keys(tensors);
          const some = names.slice(0, 8).join(", ") + (names.length > 8 ? `, … (${names.length})` : "");
          throw new SitError(
            "bad-parameters",
            `${path}: expected a tensor ${name}, got only ${some || "none"}`,
          );
        }
        const bytes = new Uint8Array(info.end - info.begin);
        await file.read(info.begin, bytes);
        return entryOf(info, bytes);
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}
