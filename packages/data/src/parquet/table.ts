import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { printable, SitError } from "@sitjs/core/errors";
import { openFile } from "@sitjs/core/node";
import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type SchemaTree,
} from "hyparquet";
import { compressors, decompressZstd } from "hyparquet-compressors";
import { reason } from "../image-error.js";
import { checkPages } from "./check-pages.js";
import { checkThrift } from "./check-thrift.js";

/** Row groups whose pages would take more memory than this, in bytes, are refused. */
const MAXIMUM_GROUP_BYTES = 2 ** 31;

/** A page may unpack to this many bytes, whatever its packed size; and above it to so many times its packed size. */
const FREE_PAGE_BYTES = 2 ** 24;
const MAXIMUM_RATIO = 2000;

/** A Parquet file, open for reading. */
export interface Table {
  readonly path: string;
  readonly rows: number;
  /** Columns of the table, with what is below them. */
  readonly columns: readonly SchemaTree[];
  /** Texts that the writer has put beside the data. */
  readonly notes: ReadonlyMap<string, string>;
  /** The rows at which row groups begin, and the end. */
  readonly groups: readonly number[];
  /** Bytes that the pages of a column unpack to, by what the file says. */
  columnBytes(column: string): number;
  /** The rows of one row group, with these columns. The error is a SitError whatever is wrong with the file. */
  readGroup(group: number, columns: readonly string[]): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

/**
 * Opens a Parquet file and reads what it says of itself.
 * @throws SitError "missing-file" or "bad-file", naming the file
 */
export async function openTable(path: string): Promise<Table> {
  const file = await openFile(path);
  const wrong = (got: string, cause?: unknown) =>
    new SitError("bad-file", `${printable(path)}: expected a Parquet file, got ${got}`, { cause });
  try {
    // The magic number, an empty footer and its length, and the number again.
    if (file.size < 12) throw wrong(`a file of ${file.size} bytes`);
    const ends = [Buffer.alloc(4), Buffer.alloc(4)] as const;
    await file.read(0, ends[0]);
    await file.read(file.size - 4, ends[1]);
    if (ends[0].toString("latin1") !== "PAR1") throw wrong("a file that does not begin with PAR1");
    if (ends[1].toString("latin1") !== "PAR1")
      throw wrong("a file without PAR1 at its end: it is cut off, or still being written");
    const source: AsyncBuffer = {
      byteLength: file.size,
      async slice(start, end = file.size) {
        if (!(start >= 0 && start <= end && end <= file.size))
          throw new RangeError(`it points at bytes ${start} to ${end} of ${file.size}`);
        const bytes = new Uint8Array(end - start);
        await file.read(start, bytes);
        return bytes.buffer;
      },
    };
    await checkFooter(source, wrong);
    const metadata = await parquetMetadataAsync(source, { geoparquet: false }).catch((cause: unknown) => {
      throw wrong(`one whose footer cannot be read (${reason(cause)})`, cause);
    });
    return describe(path, source, metadata, wrong, () => file.close());
  } catch (error) {
    await file.close();
    throw SitError.isInstance(error) ? error : wrong(`one that contradicts itself (${reason(error)})`, error);
  }
}

/** The footer's lists must have as many members as they claim. */
async function checkFooter(
  source: AsyncBuffer,
  wrong: (got: string, cause?: unknown) => SitError,
): Promise<void> {
  try {
    const end = source.byteLength - 8;
    const length = new DataView(await source.slice(end, end + 4)).getUint32(0, true);
    checkThrift(new DataView(await source.slice(end - length, end)), 0);
  } catch (cause) {
    if (SitError.isInstance(cause)) throw cause;
    throw wrong(`one whose footer cannot be read (${reason(cause)})`, cause);
  }
}

function describe(
  path: string,
  source: AsyncBuffer,
  metadata: FileMetaData,
  wrong: (got: string, cause?: unknown) => SitError,
  close: () => Promise<void>,
): Table {
  if (!metadata.schema.every(({ name }) => typeof name === "string"))
    throw wrong("one with a column that has no name");
  const groups = [0];
  for (const { num_rows } of metadata.row_groups) {
    const rows = Number(num_rows);
    const end = (groups.at(-1) as number) + rows;
    // Rows that take less than a byte are no images, and memory for a number of them is only claimed.
    if (!(rows >= 0 && end <= source.byteLength))
      throw wrong(`one of ${source.byteLength} bytes that claims ${end} rows`);
    groups.push(end);
  }
  const rows = groups.at(-1) as number;
  if (Number(metadata.num_rows) !== rows)
    throw wrong(`one that claims ${metadata.num_rows} rows and has ${rows}`);
  const columns = parquetSchema(metadata).children;
  const bytesOf = (group: number, column: string): number =>
    (metadata.row_groups[group]?.columns ?? [])
      .filter(({ meta_data }) => meta_data?.path_in_schema[0] === column)
      .reduce((sum, { meta_data }) => sum + Number(meta_data?.total_uncompressed_size), 0);
  const texts = (metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value ?? ""] as const);
  return {
    path,
    rows,
    columns,
    notes: new Map(texts),
    groups,
    columnBytes: (column) => metadata.row_groups.reduce((sum, _, group) => sum + bytesOf(group, column), 0),
    async readGroup(group, names) {
      const bytes = names.reduce((sum, name) => sum + bytesOf(group, name), 0);
      if (!(bytes <= MAXIMUM_GROUP_BYTES)) {
        const size = `${(bytes / 2 ** 30).toFixed(1)} GiB`;
        throw new SitError(
          "bad-file",
          `${printable(path)}: expected row groups of at most 2 GiB, got one of ${size}`,
          { mend: "Write it with fewer rows in a row group." },
        );
      }
      const [rowStart, rowEnd] = [groups[group] as number, groups[group + 1] as number];
      try {
        for (const { meta_data } of metadata.row_groups[group]?.columns ?? [])
          if (meta_data && names.includes(meta_data.path_in_schema[0] as string))
            await checkPages(
              { source, schema: metadata.schema, compressors: boundedCompressors },
              meta_data,
              rowEnd - rowStart,
            );
        const read = await parquetReadObjects({
          file: source,
          metadata,
          columns: [...names],
          rowStart,
          rowEnd,
          compressors: boundedCompressors,
          // Bytes stay bytes; what the file calls a text is one all the same.
          utf8: false,
          geoparquet: false,
        });
        if (read.length !== rowEnd - rowStart) throw new Error(`${read.length} rows of ${rowEnd - rowStart}`);
        return read;
      } catch (cause) {
        const where = `row group ${group} (rows ${rowStart} to ${rowEnd - 1})`;
        throw wrong(`one whose ${where} cannot be read: ${reason(cause)}`, cause);
      }
    },
    close,
  };
}

function ofLength(bytes: Buffer, length: number): Uint8Array {
  if (bytes.length !== length) throw new Error(`a page of ${bytes.length} bytes that claims ${length}`);
  // By itself: a number in it may be read by its place in the memory.
  return new Uint8Array(bytes);
}

/** A few bytes can claim to unpack to gigabytes. */
const boundedCompressors: Compressors = Object.fromEntries(
  Object.entries({
    ...compressors,
    // Node's own, which stop where the page shall end; the library's takes memory for a window of any size.
    GZIP: (input: Uint8Array, length: number) =>
      ofLength(gunzipSync(input, { maxOutputLength: length + 1 }), length),
    BROTLI: (input: Uint8Array, length: number) =>
      ofLength(brotliDecompressSync(input, { maxOutputLength: length + 1 }), length),
    ZSTD: (input: Uint8Array, length: number) => decompressZstd(input, new Uint8Array(length)),
  }).map(([codec, unpack]) => [
    codec,
    (input: Uint8Array, length: number) => {
      if (!(length >= 0)) throw new Error(`a page that claims to unpack to ${length} bytes`);
      if (length > FREE_PAGE_BYTES && length > MAXIMUM_RATIO * input.length)
        throw new Error(`a page of ${input.length} bytes claims to unpack to ${length}`);
      return unpack(input, length);
    },
  ]),
);
