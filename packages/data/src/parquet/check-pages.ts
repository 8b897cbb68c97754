import type { AsyncBuffer, ColumnMetaData, Compressors, SchemaElement } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { getSchemaPath, isFlatColumn } from "hyparquet/src/schema.js";
import { checkThrift } from "./check-thrift.js";
import { checkLevels, checkValues, hasRuns, pageValues } from "./check-values.js";

/** The file that a column is of. */
export interface CheckedFile {
  readonly source: AsyncBuffer;
  readonly schema: SchemaElement[];
  readonly compressors: Compressors;
}

/** The values that a column of lists may have, whatever its file's size; above it, so many for each byte of the file. */
const FREE_VALUES = 2 ** 20;
const VALUES_PER_BYTE = 1024;

/**
 * Looks at the pages of a column in one row group before they are decoded: a decoder makes room for as many values as
 * a page claims, and a damaged claim would take it minutes, and all memory.
 * @throws Error saying what a page claims
 */
export async function checkPages(
  { source, schema, compressors }: CheckedFile,
  column: ColumnMetaData,
  rows: number,
): Promise<void> {
  const { dictionary_page_offset, data_page_offset, total_compressed_size, codec } = column;
  const path = getSchemaPath(schema, column.path_in_schema);
  const flat = isFlatColumn(path);
  const most = mostValues(column, rows, source.byteLength);
  const room = Number(column.total_uncompressed_size);
  const start = Number(dictionary_page_offset || data_page_offset);
  const view = new DataView(await source.slice(start, start + Number(total_compressed_size)));
  const reader = { view, offset: 0 };
  let values = 0;
  let size = 0;
  // As far as the decoder goes: of lists, to the last byte.
  while (flat ? values < most : reader.offset < view.byteLength - 1) {
    checkThrift(view, reader.offset);
    const header = parquetHeader(reader);
    const { compressed_page_size: packed, uncompressed_page_size: unpacked } = header;
    if (!(packed >= 0 && unpacked >= 0 && reader.offset + packed <= view.byteLength))
      throw new Error(`a page of ${packed} bytes where ${view.byteLength - reader.offset} are left`);
    const begin = reader.offset;
    reader.offset += packed;
    size += unpacked;
    if (size > room) throw new Error(`pages that unpack to ${size} bytes in a column of ${room}`);
    const { data_page_header, data_page_header_v2, dictionary_page_header } = header;
    if (dictionary_page_header) {
      const { num_values } = dictionary_page_header;
      // Texts have their length before them, and numbers take four bytes; none need be there that no value is.
      if (!(num_values >= 0 && 4 * num_values <= unpacked && num_values <= most))
        throw new Error(`a dictionary of ${unpacked} bytes that claims ${num_values} values`);
      continue;
    }
    const page = pageValues(data_page_header, data_page_header_v2);
    const { count: num_values } = page;
    if (!(num_values >= 0 && values + num_values <= most))
      throw new Error(`pages that claim ${values + num_values} values for ${most}`);
    const { num_nulls = 0 } = data_page_header_v2 ?? {};
    if (!(num_nulls >= 0 && num_nulls <= num_values))
      throw new Error(`a page that claims ${num_nulls} of ${num_values} values to be nothing`);
    values += num_values;
    const content = new DataView(view.buffer, begin, packed);
    if (data_page_header_v2) checkLevels(content, page, path, data_page_header_v2);
    if (!hasRuns(page, path)) continue;
    const { levels = 0 } = page;
    const input = new Uint8Array(view.buffer, begin + levels, packed - levels);
    const plain = codec === "UNCOMPRESSED" || data_page_header_v2?.is_compressed === false;
    const bytes = plain ? input : compressors[codec]?.(input, unpacked - levels);
    if (bytes) checkValues(bytes, page, path, column);
  }
}

/** How many values a column has: one a row where it is flat; where rows are lists, what it claims, if it can have as many. */
function mostValues(
  { path_in_schema, num_values, total_uncompressed_size }: ColumnMetaData,
  rows: number,
  fileBytes: number,
): number {
  if (path_in_schema.length === 1) return rows;
  // A value of a list takes a bit at least: an index into a dictionary of two.
  const fits = num_values >= 0n && num_values <= 8n * total_uncompressed_size;
  if (fits && num_values <= FREE_VALUES + VALUES_PER_BYTE * fileBytes) return Number(num_values);
  throw new Error(`a column of ${total_uncompressed_size} bytes that claims ${num_values} values`);
}
