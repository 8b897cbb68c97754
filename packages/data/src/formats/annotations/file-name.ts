import { posix } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { describeJson } from "@sitjs/core/json";

/**
 * A file name of an annotation as a path inside the image folder, on every system: `./a//b.jpg` becomes `a/b.jpg`.
 * @param where the file and the place in it, for messages
 * @throws SitError "bad-file" where it could lead out of the folder or name no file: `..`, a path from the root, a
 *   drive letter, a backslash, NUL, an empty name, a slash at the end
 */
export function checkFileName(name: string, where: string): string {
  const wrong = whatIsWrong(name);
  if (wrong !== undefined) {
    const got = `${describeJson(name)} (${wrong})`;
    throw new SitError(
      "bad-file",
      `${where}: expected the name of a file inside the image folder, got ${got}`,
    );
  }
  return posix.normalize(name);
}

function whatIsWrong(name: string): string | undefined {
  if (name === "") return "empty";
  if (name.includes("\0")) return "a NUL character";
  if (name.includes("\\")) return "a backslash; folders are separated by /";
  if (name.startsWith("/")) return "a path from the root";
  if (/^[A-Za-z]:/.test(name)) return "a drive letter";
  const segments = name.split("/");
  if (segments.includes("..")) return "..";
  if (["", "."].includes(segments.at(-1) as string)) return "a folder";
  return undefined;
}
