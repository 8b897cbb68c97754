import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { printable, requireOption, SitError } from "@sitjs/core/errors";
import { createDataset, type ImageDataset } from "../dataset.js";
import { defaultMaximumPixels, verifyImage } from "../decode.js";
import { readEncoded } from "../encoded.js";
import { byCodeUnits, type FolderProblem } from "../folder-scan.js";
import { nameProblems } from "../problems.js";
import { checkReadableFiles, type ReadableFilesOptions, requireReadable } from "../readable-files.js";
import type { EncodedStorage } from "../storage.js";
import { pickRanges } from "../subset.js";
import { verifyFiles } from "../verify-files.js";
import { type ColumnOptions, type ImageColumns, imageColumns } from "./columns.js";
import { parquetFiles } from "./files.js";
import { type TableLabels, tableLabels } from "./labels.js";
import { openParquet } from "./open.js";
import type { Table } from "./table.js";
import { type Unpacked, unpackTables } from "./unpack.js";
import { unpackedFile } from "./unpacked-file.js";

export interface ParquetDatasetOptions extends ReadableFilesOptions, ColumnOptions {
  /** The classes in the order of their labels, so that two data sets agree; default: those of the files. */
  readonly classNames?: readonly string[];
  /**
   * Images are held in memory that threads share, as the bytes that they are in the file, up to so many bytes in all;
   * beyond it they are put into a file of the cache. Default 2^30 (1 GiB).
   */
  readonly memoryLimit?: number;
  /** Where that cache is; default `$SITJS_CACHE`, else the platform's user cache. */
  readonly cacheDir?: string;
}

export interface ParquetDataset extends ImageDataset {
  readonly storage: EncodedStorage;
  /**
   * Rows without an image, and images that cannot be read, all left out; named as `train.parquet#17/cat.png`. Then classes
   * all of whose images are among them (kind "empty-class"), which keep their label.
   */
  readonly problems: readonly FolderProblem[];
}

const defaultMemoryLimit = 2 ** 30;

/**
 * Images of Parquet files in the layout of Hugging Face's data sets: a column of structures of `bytes` and `path`, or of
 * bytes alone, and one of labels, whose names are in the files' notes or which are texts. Images are decoded when they are
 * wanted, in the loader's threads. While they are read from the file there is one row group of these columns in memory;
 * afterwards their undecoded bytes, or those in a file of the cache above `memoryLimit`.
 *
 * @param source one file, several of the same columns (in this order), or a folder with them (by name)
 * @throws SitError "missing-file", "bad-file" where a file is no Parquet file, is damaged, or has no such columns, or where
 * more than `maximumBadShare` of the images are unreadable; the reason of an aborted `signal`
 */
export async function parquetDataset(
  source: string | readonly string[],
  options: ParquetDatasetOptions = {},
): Promise<ParquetDataset> {
  const { channels = 3, shorterSide, maximumPixels = defaultMaximumPixels, memoryLimit = 0 } = options;
  checkReadableFiles(options);
  requireOption(memoryLimit >= 0, "memoryLimit", "a number of bytes", memoryLimit);
  const paths = typeof source === "string" ? await pathsOf(source) : source;
  requireOption(paths.length > 0, "source", "at least one Parquet file", paths.length);
  const name = options.name ?? (paths.length === 1 ? (paths[0] as string) : nameOf(source));
  const { unpacked, bytes, classes: own } = await readTables(paths, options);
  const storage: EncodedStorage = {
    kind: "encoded",
    bytes,
    ranges: Float64Array.from(unpacked.ranges),
    names: unpacked.names,
    channels,
    shorterSide,
    maximumPixels,
  };
  const unreadable = await unreadableImages(storage, options);
  const leftOut = [...unpacked.problems, ...unreadable];
  const bad = new Set(unreadable.map(({ path }) => path));
  const kept = storage.names.flatMap((each, i) => (bad.has(each) ? [] : [i]));
  const names = kept.map((i) => storage.names[i] as string);
  const values = kept.map((i) => unpacked.labels[i]);
  const lost = storage.names.flatMap((each, i) => (bad.has(each) ? [unpacked.labels[i]] : []));
  const problemLabels = [...unpacked.problemLabels, ...lost];
  const wantedLabels = { values, names, leftOut: problemLabels, own, wanted: options.classNames };
  // Where none can be read the images are what is to be told, not their labels.
  const labelled = values.length === 0 ? undefined : tableLabels(wantedLabels);
  const problems = [...leftOut, ...emptyClasses(labelled)];
  tellProblems(name, leftOut, problems, unpacked.names.length + unpacked.problems.length, options);
  const readable = { ...storage, names, ranges: pickRanges(storage.ranges, kept) };
  return { ...createDataset({ name, storage: readable, ...labelled }), storage: readable, problems };
}

function nameOf(source: string | readonly string[]): string {
  return typeof source === "string" ? source : `${source[0]} and others`;
}

/** Classes without any image that can be read. */
function emptyClasses(labelled: TableLabels | undefined): FolderProblem[] {
  const filled = new Set(labelled?.labels);
  const reason = "a class without a readable image; its label stays";
  const lost = (labelled?.classes ?? []).filter((_, label) => !filled.has(label));
  return lost.map((path) => ({ path, kind: "empty-class", reason }));
}

async function pathsOf(source: string): Promise<readonly string[]> {
  const found = await stat(source).catch(() => undefined);
  if (!found?.isDirectory()) return [source];
  const paths = await parquetFiles(source);
  if (paths.length > 0) return paths;
  throw new SitError("bad-file", `${printable(source)}: expected Parquet files (.parquet) in it, got none`);
}

async function readTables(
  paths: readonly string[],
  options: ParquetDatasetOptions,
): Promise<{
  unpacked: Unpacked;
  bytes: EncodedStorage["bytes"];
  classes: readonly string[] | undefined;
}> {
  const { memoryLimit = defaultMemoryLimit, cacheDir, onProgress, signal } = options;
  const opened: Table[] = [];
  const tables: { table: Table; name: string; columns: ImageColumns }[] = [];
  const short = new Set(paths.map((path) => basename(path))).size === paths.length;
  try {
    for (const path of paths) {
      const table = await openParquet(path);
      // Closed with the others also where its columns are not those that are wanted.
      opened.push(table);
      const name = short ? basename(path) : path;
      tables.push({ table, name, columns: imageColumns(table, options) });
    }
    const columns = tables.map((table) => table.columns);
    const classes = sameClasses(tables);
    const onRows =
      onProgress &&
      (({ rows, total }: { rows: number; total: number }) => onProgress({ checked: rows, total }));
    const size = tables.reduce((sum, { table, columns: { image } }) => sum + table.columnBytes(image), 0);
    if (size <= memoryLimit) {
      const memory = sharedMemory(size);
      const unpacked = await unpackTables(tables, { write: memory.write, onProgress: onRows, signal });
      return { unpacked, bytes: memory.bytes(), classes };
    }
    const { file, ...unpacked } = await unpackedFile({ paths, columns, cacheDir }, (write) =>
      unpackTables(tables, { write, onProgress: onRows, signal }),
    );
    return { unpacked, bytes: { file }, classes };
  } finally {
    for (const table of opened) await table.close();
  }
}

/** The class names of all tables, which number their classes alike. */
function sameClasses(
  tables: readonly { readonly table: Table; readonly columns: ImageColumns }[],
): readonly string[] | undefined {
  const [first, ...others] = tables;
  const list = ({ columns }: { columns: ImageColumns }) => JSON.stringify(columns.classes ?? "none");
  for (const other of others) {
    if (first === undefined || list(other) === list(first)) continue;
    const [path, before] = [other.table.path, first.table.path].map(printable);
    const shown = (of: typeof first) => printable(list(of).slice(0, 300));
    throw new SitError(
      "bad-file",
      `${path}: expected the classes of ${before}, ${shown(first)}, got ${shown(other)}`,
    );
  }
  return first?.columns.classes;
}

/** Memory that grows with what is written; a file's claim alone takes none. */
function sharedMemory(limit: number) {
  // TypeScript's library for ES2023 does not know memory that grows; Node 20 does.
  const Growable = SharedArrayBuffer as unknown as new (
    size: number,
    options: { maxByteLength: number },
  ) => SharedArrayBuffer & { grow(size: number): void };
  const memory = new Growable(0, { maxByteLength: Math.max(limit, 1) });
  let end = 0;
  return {
    write(bytes: Uint8Array): void {
      const from = end;
      end += bytes.length;
      if (end > limit)
        throw new SitError("bad-file", `images: expected at most ${limit} bytes, as the files say, got more`);
      // A megabyte at a time: growing asks the system each time.
      if (end > memory.byteLength) memory.grow(Math.min(limit, Math.ceil(end / 2 ** 20) * 2 ** 20));
      new Uint8Array(memory, from, bytes.length).set(bytes);
    },
    bytes: (): SharedArrayBuffer => memory,
  };
}

async function unreadableImages(
  storage: EncodedStorage,
  { verify = "full", onProgress, signal }: ParquetDatasetOptions,
): Promise<FolderProblem[]> {
  if (verify === "none") return [];
  const { names, maximumPixels } = storage;
  const problems = await verifyFiles(names, {
    verify: (i) => verifyImage(names[i] as string, readEncoded(storage, i), verify, maximumPixels),
    onProgress,
    signal,
  });
  return problems.sort((a, b) => byCodeUnits(a.path, b.path));
}

function tellProblems(
  name: string,
  leftOut: readonly FolderProblem[],
  problems: readonly FolderProblem[],
  total: number,
  options: ParquetDatasetOptions,
): void {
  const { onProblem } = options;
  if (onProblem) for (const problem of problems) onProblem(problem);
  if (total === 0)
    throw new SitError("bad-file", `${printable(name)}: expected images, got a table without rows`);
  requireReadable(name, leftOut, total, options);
  if (leftOut.length === 0 || onProblem) return;
  const count = `${leftOut.length} of ${total} images left out`;
  process.emitWarning(`${printable(name)}: ${count}: ${nameProblems(leftOut)}`, {
    code: "SITJS_UNREADABLE_IMAGES",
  });
}
