import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { byCodeUnits } from "../folder-scan.js";

/** The Parquet files of a data set, by what their names say they are for. */
export interface ParquetSplits {
  readonly train: readonly string[];
  /** Of `test`, else of `validation`; empty where there are none. */
  readonly test: readonly string[];
}

/** The Parquet files right in a folder, by name. Empty where the folder has none or cannot be read. */
export async function parquetFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => /\.parquet$/i.test(name) && !name.startsWith("."))
    .sort(byCodeUnits)
    .map((name) => join(folder, name));
}

const training = /^train(ing)?(?![a-z])/i;
const tests = [/^test(?![a-z])/i, /^(val|valid|validation|dev)(?![a-z])/i];

/**
 * The training and test files of a Parquet file or a folder of them: in the folder itself or in its `data`, by the
 * beginning of their names (`train-00000-of-00002.parquet`), or in folders `train` and `test`. A single file, and a
 * folder whose names say nothing, is all for training.
 * @returns undefined where `source` is neither
 */
export async function findParquet(source: string): Promise<ParquetSplits | undefined> {
  const found = await stat(source).catch(() => undefined);
  if (found === undefined) return undefined;
  if (!found.isDirectory()) return /\.parquet$/i.test(source) ? { train: [source], test: [] } : undefined;
  for (const folder of [source, join(source, "data")]) {
    const files = await parquetFiles(folder);
    if (files.length > 0) return splitsOf(files);
    const train = await parquetFiles(join(folder, "train"));
    if (train.length === 0) continue;
    for (const name of ["test", "val", "validation"]) {
      const test = await parquetFiles(join(folder, name));
      if (test.length > 0) return { train, test };
    }
    return { train, test: [] };
  }
  return undefined;
}

function splitsOf(files: readonly string[]): ParquetSplits {
  const named = (pattern: RegExp) => files.filter((file) => pattern.test(basename(file)));
  const train = named(training);
  if (train.length === 0) return { train: files, test: [] };
  const test = tests.map(named).find((found) => found.length > 0) ?? [];
  return { train, test };
}
