import { rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { type DownloadOptions, downloadFile, makeFolder, withLock } from "@sitjs/core/node";
import { datasetCache } from "../cache.js";
import { reason } from "../decode.js";
import { requireSpace } from "./disk-space.js";
import type { CatalogueEntry, CatalogueFile } from "./entry.js";
import { type DatasetRecord, type Item, openRecord } from "./record.js";
import { unpackBeside } from "./unpack.js";

/** How far the download of a data set is. */
export interface DatasetProgress {
  /** The file that is being fetched or unpacked, by its name in the catalogue. */
  readonly file: string;
  readonly step: "download" | "unpack";
  /** Bytes of the file that are there, or have been unpacked. */
  readonly doneBytes: number;
  /** Length of the file; undefined where nobody says. */
  readonly totalBytes: number | undefined;
}

export interface DownloadDatasetOptions
  extends Pick<DownloadOptions, "ca" | "patienceMilliseconds" | "pauseMilliseconds" | "signal" | "tries"> {
  readonly onProgress?: ((progress: DatasetProgress) => void) | undefined;
  /** Called once where another process is downloading to the same folder, which is waited for. */
  readonly onWait?: (() => void) | undefined;
}

/** What a download has done. */
export interface DownloadedDataset {
  readonly folder: string;
  /** Names of the files that were fetched now; the others were there. */
  readonly fetched: readonly string[];
}

/** Folder of a data set of the catalogue in the cache; see `datasetCache`. */
export function datasetFolder(name: string, cacheDir?: string): string {
  return join(datasetCache(cacheDir), name);
}

/**
 * Downloads the official files of a data set to a folder, by HTTPS, checks their sums, and unpacks its archives. It can
 * be stopped or killed anywhere: the next call goes on, and fetches nothing that is complete. What was deleted since
 * is fetched again. Two that download to the same folder do it one after the other. Files that cannot be downloaded
 * here can be put by hand where they would be, and are then taken from there.
 * @throws SitError "missing-file" where the data set cannot be downloaded, with what to do; "disk" where there is no
 * room; what `downloadFile` and `extractArchive` throw
 */
export async function downloadDataset(
  entry: CatalogueEntry,
  folder: string,
  options: DownloadDatasetOptions = {},
): Promise<DownloadedDataset> {
  if (entry.files.length === 0) throw notToBeHad(entry, folder);
  const record = openRecord(entry, folder);
  try {
    await makeFolder(dirname(record.lock));
  } catch (cause) {
    throw new SitError("disk", `${folder}: cannot be written (${reason(cause)})`, { cause });
  }
  const { signal, onWait } = options;
  return await withLock(
    record.lock,
    async (held) => {
      try {
        return await downloadAlone(entry, folder, record, { ...options, signal: held });
      } catch (error) {
        // A lock that was lost ends the work as a cancelled one, but it is no one's wish.
        throw held.aborted && !signal?.aborted ? held.reason : error;
      }
    },
    { signal, onWait, named: folder },
  );
}

async function downloadAlone(
  entry: CatalogueEntry,
  folder: string,
  record: DatasetRecord,
  options: DownloadDatasetOptions & { readonly signal: AbortSignal },
): Promise<DownloadedDataset> {
  await record.tidy();
  const missing: CatalogueFile[] = [];
  for (const file of entry.files) {
    if (!(await record.has(file))) missing.push(file);
    // It was unpacked, and the process was killed before it could be removed.
    else if (file.archive) await rm(join(folder, file.name), { force: true });
  }
  await requireSpace(entry, folder, missing);
  for (const file of missing) {
    await download(entry, file, folder, options);
    await record.add(file, await itemsOf(file, folder, record, options));
    if (file.archive) await rm(join(folder, file.name), { force: true });
  }
  return { folder, fetched: missing.map(({ name }) => name) };
}

async function download(
  entry: CatalogueEntry,
  { name, url, bytes, maximumBytes, sha256, md5 }: CatalogueFile,
  folder: string,
  { onProgress, onWait: _, ...how }: DownloadDatasetOptions,
): Promise<void> {
  const to = join(folder, name);
  try {
    await downloadFile({
      ...how,
      ...{ url, to, bytes, maximumBytes, sha256 },
      // The better of the two where both are published.
      md5: sha256 === undefined ? md5 : undefined,
      onProgress: ({ receivedBytes: doneBytes, totalBytes }) =>
        onProgress?.({ file: name, step: "download", doneBytes, totalBytes }),
    });
  } catch (error) {
    if (!SitError.isInstance(error) || (error.code !== "network" && error.code !== "bad-file")) throw error;
    const byHand = `It can be put by hand at ${to}; see ${entry.homepage}.`;
    const mend = error.mend === undefined ? byHand : `${error.mend} ${byHand}`;
    throw new SitError(error.code, `${entry.title}: ${error.message}`, { mend, cause: error });
  }
}

/** What there is of a file that has come: itself, or what it holds. */
async function itemsOf(
  file: CatalogueFile,
  folder: string,
  { scratch }: DatasetRecord,
  { signal, onProgress }: DownloadDatasetOptions & { readonly signal: AbortSignal },
): Promise<Item[]> {
  const { name } = file;
  const { size } = await stat(join(folder, name));
  if (!file.archive) return [{ path: name, bytes: size }];
  const onFraction = (fraction: number) =>
    onProgress?.({ file: name, step: "unpack", doneBytes: Math.round(fraction * size), totalBytes: size });
  return await unpackBeside(file, folder, { scratch, signal, onFraction });
}

function notToBeHad({ title, homepage, byHand }: CatalogueEntry, folder: string): SitError {
  return new SitError("missing-file", `${title} cannot be downloaded by a program (${homepage})`, {
    mend: `${byHand ?? "Get it there."} Its folder is ${folder}.`,
  });
}
