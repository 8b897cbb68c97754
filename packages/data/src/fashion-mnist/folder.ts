import { existsSync } from "node:fs";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { readPlain } from "../idx-dataset.js";
import { type PinnedFile, requireDatasetFolder } from "../sources/pinned-file.js";
import { fashionMnistName, requireChecksum, type SplitBytes, type SplitFiles } from "./files.js";

/** Where Debian's package dataset-fashion-mnist puts its files. */
export const debianFolder = "/usr/share/datasets/fashion-mnist";

/**
 * Reads a split's files, plain or `.gz`, from a folder and checks their sums.
 * @throws SitError "missing-file" or "bad-file", naming the folder or file.
 */
export async function readFolder(folder: string, files: SplitFiles): Promise<SplitBytes> {
  await requireDatasetFolder(folder, fashionMnistName);
  const [images, labels] = [await readPinned(folder, files.images), await readPinned(folder, files.labels)];
  return { images, labels };
}

async function readPinned(folder: string, pinned: PinnedFile): Promise<Uint8Array> {
  const path = [pinned.name, `${pinned.name}.gz`]
    .map((name) => join(folder, name))
    .find((p) => existsSync(p));
  if (path === undefined) {
    throw new SitError(
      "missing-file",
      `${folder}: expected ${pinned.name} or ${pinned.name}.gz in it, got neither`,
    );
  }
  const content = await readPlain(path);
  requireChecksum(content, pinned, path);
  return content;
}
