/** Longer names no file system takes. */
const longestName = 255;
const longestPath = 1024;

/** Names that are devices on Windows, whatever their ending. */
const windowsDevice = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;
const windowsForbidden = /[<>:"|?*]|[. ]$/;

/**
 * The parts of an entry's path below the target folder. `.` and empty parts are left out, so `./a//b` is `a/b`.
 * Throws an `Error` that says why a name is refused.
 */
export function entryParts(name: string, platform: NodeJS.Platform = process.platform): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
  if (/[\u0000-\u001f\u007f-\u009f]/.test(name)) throw new Error("has control characters in its name");
  if (name.includes("\\")) throw new Error("has a backslash in its name");
  if (name.startsWith("/")) throw new Error("has an absolute path");
  if (/^[a-z]:/i.test(name)) throw new Error("has a drive letter");
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new Error("leads out of its folder with ..");
  const long = parts.some((part) => Buffer.byteLength(part) > longestName);
  if (long || Buffer.byteLength(name) > longestPath) throw new Error("has a name that is too long");
  if (platform === "win32" && parts.some((part) => windowsDevice.test(part) || windowsForbidden.test(part))) {
    throw new Error("has a name that Windows does not allow");
  }
  return parts;
}

/**
 * Remembers the paths of an archive, and refuses one that some system takes for an earlier one: the same again, or
 * spelled in other letter case or Unicode normalisation, or a file where a folder is.
 */
export class EntryPaths {
  readonly #seen = new Map<string, { readonly path: string; readonly folder: boolean }>();

  /** Adds a file or folder and the folders above it. Throws an `Error` that names the earlier path. */
  add(parts: readonly string[], kind: "file" | "folder"): void {
    for (let length = 1; length <= parts.length; length++) {
      const path = parts.slice(0, length).join("/");
      const folder = length < parts.length || kind === "folder";
      const key = folded(path);
      const earlier = this.#seen.get(key);
      if (!earlier) this.#seen.set(key, { path, folder });
      else if (earlier.path !== path || !(earlier.folder && folder)) {
        throw new Error(`is on some systems the same as ${JSON.stringify(earlier.path)}`);
      }
    }
  }
}

/** Equal for names that a file system without letter case may take for one. Upper case first: ß and ss are one. */
function folded(path: string): string {
  return path.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC");
}
