import type { FolderProblem } from "../folder-scan.js";
import type { ImageColumns } from "./columns.js";
import type { Table } from "./table.js";

/** What tables hold beside the images' bytes. */
export interface Unpacked {
  /** What each image is called: its table, its row, and its own name where it has one. */
  readonly names: string[];
  /** Where its bytes begin, and how many there are. */
  readonly ranges: number[];
  /** Its label as it is in the table. */
  readonly labels: unknown[];
  /** Rows without an image. */
  readonly problems: FolderProblem[];
  /** The labels of those rows, as they are in the table. */
  readonly problemLabels: unknown[];
}

export interface UnpackOptions {
  /** Takes bytes, which come one after the other. */
  write(bytes: Uint8Array): void | Promise<void>;
  onProgress?: ((progress: { readonly rows: number; readonly total: number }) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Reads the images of tables, one row group after the other, and hands their bytes on as they are, undecoded. An image
 * that many rows share, by a dictionary of the table, is handed on once for each row group.
 * @param tables with what each is called, and its columns
 * @throws SitError "bad-file"; the reason of an aborted `signal`
 */
export async function unpackTables(
  tables: readonly { readonly table: Table; readonly name: string; readonly columns: ImageColumns }[],
  { write, onProgress, signal }: UnpackOptions,
): Promise<Unpacked> {
  const unpacked: Unpacked = { names: [], ranges: [], labels: [], problems: [], problemLabels: [] };
  const total = tables.reduce((sum, { table }) => sum + table.rows, 0);
  let rows = 0;
  let end = 0;
  for (const { table, name: tableName, columns } of tables) {
    const { image, label, nested } = columns;
    const wanted = label === undefined ? [image] : [image, label];
    let tableRow = 0;
    for (let group = 0; group + 1 < table.groups.length; group++) {
      signal?.throwIfAborted();
      /** Where bytes are that have been handed on. */
      const known = new Map<Uint8Array, number>();
      for (const record of await table.readGroup(group, wanted)) {
        const value = record[image] as { bytes?: unknown; path?: unknown } | Uint8Array | null | undefined;
        const bytes = nested ? (value as { bytes?: unknown } | undefined)?.bytes : value;
        const own = nested ? (value as { path?: unknown } | undefined)?.path : undefined;
        const name = rowName(tableName, tableRow++, own);
        if (!(bytes instanceof Uint8Array) || bytes.length === 0) {
          const reason = bytes instanceof Uint8Array ? "no bytes" : "no bytes (null)";
          unpacked.problems.push({ path: name, kind: "empty", reason });
          unpacked.problemLabels.push(label === undefined ? undefined : record[label]);
          continue;
        }
        let begin = known.get(bytes);
        if (begin === undefined) {
          begin = end;
          known.set(bytes, begin);
          await write(bytes);
          end += bytes.length;
        }
        unpacked.names.push(name);
        unpacked.ranges.push(begin, bytes.length);
        unpacked.labels.push(label === undefined ? undefined : record[label]);
      }
      rows += (table.groups[group + 1] as number) - (table.groups[group] as number);
      onProgress?.({ rows, total });
    }
  }
  return unpacked;
}

const decoder = new TextDecoder();

/** `train.parquet#17`, or `train.parquet#17/cat.png` where the image has a name of its own. */
function rowName(table: string, row: number, own: unknown): string {
  const text = own instanceof Uint8Array ? decoder.decode(own) : own;
  return `${table}#${row}${typeof text === "string" && text !== "" ? `/${text}` : ""}`;
}
