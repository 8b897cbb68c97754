import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { SitError } from "@sitjs/core/errors";

/** A file of a data set and the SHA-256 of its uncompressed content. */
export interface PinnedFile {
  readonly name: string;
  readonly sha256: string;
}

/** A data set as messages name it. */
export interface DatasetName {
  readonly title: string;
  /** The function that reads other data sets of this format, for advice. */
  readonly otherwise: string;
}

/** Throws `SitError("bad-file")` naming `where` unless the content has the pinned sum. */
export function requireContent(
  content: Uint8Array,
  pinned: PinnedFile,
  where: string,
  dataset: DatasetName,
): void {
  requireSum(createHash("sha256").update(content).digest("hex"), pinned, where, dataset);
}

/** As `requireContent`, of a SHA-256 in hex. */
export function requireSum(sum: string, pinned: PinnedFile, where: string, dataset: DatasetName): void {
  if (sum === pinned.sha256) return;
  throw new SitError(
    "bad-file",
    `${where}: expected ${dataset.title}'s ${pinned.name} with SHA-256 ${pinned.sha256}, got ${sum}`,
    { mend: `Get the file again; for another data set in this format use ${dataset.otherwise}().` },
  );
}

/** Throws `SitError("missing-file")` unless there is such a folder. */
export async function requireDatasetFolder(folder: string, { title }: DatasetName): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory()) return;
  throw new SitError("missing-file", `${folder}: expected a folder with ${title}'s files, got none`);
}
