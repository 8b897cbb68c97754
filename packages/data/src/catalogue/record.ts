import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomically } from "@sitjs/core/node";
import type { CatalogueEntry, CatalogueFile } from "./entry.js";

/** The folder in a data set's folder that says what has been fetched. Readers of images pass over its name. */
const notes = ".sitjs";
const recordFile = "record.json";

/** Something in the data set's folder. */
export interface Item {
  /** Relative to the folder, with `/` between folders. */
  readonly path: string;
  readonly bytes: number;
}

/** What of a data set is complete, beside its content. */
export interface DatasetRecord {
  /** Where the lock of a download lies; the folder it is in must be made. */
  readonly lock: string;
  /** Where an archive is unpacked before its content goes to its place. */
  readonly scratch: string;
  /** Whether the file came whole and what it held is still there, by the lengths. */
  has(file: CatalogueFile): Promise<boolean>;
  /** Remembers that a file is complete, and what there is of it. */
  add(file: CatalogueFile, items: readonly Item[]): Promise<void>;
  /** Removes what a killed download left beside the record. To be called by who has the lock. */
  tidy(): Promise<void>;
}

interface RecordJson {
  readonly dataset: string;
  /** The sum of each file that is complete. */
  readonly files: Readonly<Record<string, string>>;
}

export function openRecord(entry: CatalogueEntry, folder: string): DatasetRecord {
  const at = (name: string) => join(folder, notes, name);
  const listOf = ({ name }: CatalogueFile) => at(`${name.replaceAll("/", "_")}.list`);
  return {
    lock: at("lock"),
    scratch: at("unpacked"),
    async has(file) {
      const record = await readRecord(folder);
      if (record?.dataset !== entry.name || record.files[file.name] !== sumOf(file)) return false;
      return await isThere(folder, listOf(file));
    },
    async add(file, items) {
      // First the list: a file that is called complete always has one.
      await writeFileAtomically(listOf(file), items.map(({ path, bytes }) => `${bytes}\t${path}\n`).join(""));
      const record = await readRecord(folder);
      const before = record?.dataset === entry.name ? record.files : {};
      const next: RecordJson = { dataset: entry.name, files: { ...before, [file.name]: sumOf(file) } };
      await writeFileAtomically(at(recordFile), `${JSON.stringify(next, null, 2)}\n`);
    },
    async tidy() {
      for (const name of await readdir(join(folder, notes))) {
        const kept = name === recordFile || name.endsWith(".list") || name.startsWith("lock");
        if (!kept) await rm(at(name), { recursive: true, force: true });
      }
    },
  };
}

/** How much of a data set a folder has. */
export type DatasetState =
  /** All files were downloaded. */
  | "complete"
  /** A download has begun there, and not come to its end. */
  | "started"
  /** There is something that was not downloaded: only opening it tells. */
  | "by-hand"
  | "none";

/** How much of the data set the folder has, by the record of downloads; the files themselves are not looked at. */
export async function datasetState(entry: CatalogueEntry, folder: string): Promise<DatasetState> {
  const names = await readdir(folder).catch((): string[] => []);
  const record = await readRecord(folder);
  const complete = entry.files.every((file) => record?.files[file.name] === sumOf(file));
  if (record?.dataset === entry.name && entry.files.length > 0 && complete) return "complete";
  const others = names.filter((name) => name !== notes);
  // A download that got nothing has left its notes at most.
  if (record === undefined && others.length === 0) return "none";
  return names.includes(notes) ? "started" : "by-hand";
}

/** The name of the data set that was downloaded to this folder; undefined where none was. */
export async function downloadedDataset(folder: string): Promise<string | undefined> {
  return (await readRecord(folder))?.dataset;
}

const sumOf = ({ sha256, md5 }: CatalogueFile) => (sha256 ?? md5 ?? "").toLowerCase();

async function readRecord(folder: string): Promise<RecordJson | undefined> {
  try {
    const record = JSON.parse(await readFile(join(folder, notes, recordFile), "utf8")) as Partial<RecordJson>;
    const { dataset, files } = record;
    if (typeof dataset !== "string" || typeof files !== "object" || files === null) return undefined;
    return { dataset, files };
  } catch {
    // None, or a damaged one: then everything is looked at again.
    return undefined;
  }
}

async function isThere(folder: string, list: string): Promise<boolean> {
  const lines = (await readFile(list, "utf8").catch(() => "")).split("\n").filter(Boolean);
  for (const line of lines) {
    const [bytes, path] = line.split("\t") as [string, string];
    const found = await stat(join(folder, path)).catch(() => undefined);
    if (!found?.isFile() || found.size !== Number(bytes)) return false;
  }
  return lines.length > 0;
}
