import { stat } from "node:fs/promises";
import { SitError } from "@sitjs/core/errors";

/** Throws `SitError("bad-option")` naming `--out` unless a picture can be written there. */
export async function requirePicturePath(path: string): Promise<void> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  if (!isFolder && path.toLowerCase().endsWith(".png")) return;
  throw new SitError(
    "bad-option",
    `--out: expected the name of a .png file, got ${isFolder ? "the folder " : ""}${path}`,
  );
}
