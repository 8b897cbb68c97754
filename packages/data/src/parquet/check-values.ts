import type { ColumnMetaData, DataPageHeader, PageHeader, SchemaTree } from "hyparquet";
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from "hyparquet/src/schema.js";
import { readVarint } from "./varint.js";

type DataPageHeaderV2 = NonNullable<PageHeader["data_page_header_v2"]>;

/** Runs may go on beyond the page's last value: writers fill up the last one. */
const filledUp = 512;
/** Of a block of differences: what writers take is 128 values in 4 parts. */
const most = { block: 2 ** 16, parts: 2 ** 10, width: 64 };

/** What of a data page is needed, of either version. */
export interface PageValues {
  readonly count: number;
  readonly encoding: string | undefined;
  /** Where levels of the second version end, in bytes; undefined for the first, where they say it themselves. */
  readonly levels: number | undefined;
}

export function pageValues(v1: DataPageHeader | undefined, v2: DataPageHeaderV2 | undefined): PageValues {
  if (v2 === undefined) return { count: v1?.num_values ?? -1, encoding: v1?.encoding, levels: undefined };
  const levels = v2.repetition_levels_byte_length + v2.definition_levels_byte_length;
  return { count: v2.num_values, encoding: v2.encoding, levels };
}

/** Whether a page of the first version, packed, has to be unpacked to be looked at. */
export function hasRuns({ encoding, levels }: PageValues, path: readonly SchemaTree[]): boolean {
  return encoding !== "PLAIN" || (levels === undefined && getMaxDefinitionLevel([...path]) > 0);
}

/**
 * Looks at the runs of a page before it is decoded: a decoder writes as many values as a run claims, and a run of two bytes
 * can claim a thousand million.
 * @param bytes of the page, unpacked; of the second version without levels
 * @throws Error saying what is claimed
 */
export function checkValues(
  bytes: Uint8Array,
  { count, encoding, levels }: PageValues,
  path: readonly SchemaTree[],
  { type }: Pick<ColumnMetaData, "type">,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const widths = [getMaxRepetitionLevel([...path]), getMaxDefinitionLevel([...path])].map(bitWidth);
  for (const width of levels === undefined ? widths : []) {
    if (width === 0) continue;
    const length = view.getUint32(at, true);
    checkRuns(view, { start: at + 4, end: at + 4 + length, width, count });
    at += 4 + length;
  }
  if (encoding === "DELTA_BYTE_ARRAY")
    throw new Error("values of the encoding DELTA_BYTE_ARRAY, which is not read");
  if (encoding?.startsWith("DELTA_")) checkDifferences(view, at);
  if (encoding === undefined || !/RLE|DICTIONARY/.test(encoding) || count === 0) return;
  if (type === "BOOLEAN") checkRuns(view, { start: at + 4, end: bytes.length, width: 1, count });
  else if (at < bytes.length) {
    const width = view.getUint8(at);
    if (width > 32) throw new Error(`places in a dictionary of ${width} bits`);
    checkRuns(view, { start: at + 1, end: bytes.length, width, count });
  }
}

/** Levels of a page of the second version, which are never packed. */
export function checkLevels(
  bytes: DataView,
  { count }: PageValues,
  path: readonly SchemaTree[],
  header: DataPageHeaderV2,
): void {
  const repetition = header.repetition_levels_byte_length;
  const end = repetition + header.definition_levels_byte_length;
  if (!(repetition >= 0 && repetition <= end && end <= bytes.byteLength))
    throw new Error(`levels of ${repetition} to ${end} bytes in a page of ${bytes.byteLength}`);
  const [first, second] = [getMaxRepetitionLevel([...path]), getMaxDefinitionLevel([...path])].map(bitWidth);
  if (first) checkRuns(bytes, { start: 0, end: repetition, width: first, count });
  if (second) checkRuns(bytes, { start: repetition, end, width: second, count });
}

const bitWidth = (level: number) => 32 - Math.clz32(level);

/** https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE */
function checkRuns(
  view: DataView,
  { start, end, width, count }: { start: number; end: number; width: number; count: number },
): void {
  const last = Math.min(end, view.byteLength);
  const cursor = { view, at: start };
  for (let seen = 0; seen < count && cursor.at < last; ) {
    const head = readVarint(cursor, 5);
    const packed = head % 2 === 1;
    const values = packed ? 4 * (head - 1) : head / 2;
    if (values > count - seen + filledUp)
      throw new Error(`a run of ${values} values where ${count - seen} are left`);
    seen += values;
    cursor.at += packed ? (values / 8) * width : Math.ceil(width / 8);
  }
}

/** The head of https://parquet.apache.org/docs/file-format/data-pages/encodings/#DELTAENC */
function checkDifferences(view: DataView, start: number): void {
  const cursor = { view, at: start };
  const [block, parts] = [readVarint(cursor, 5), readVarint(cursor, 5)];
  const fits = block > 0 && block <= most.block && parts > 0 && parts <= most.parts && block % parts === 0;
  if (!fits) throw new Error(`differences in blocks of ${block} values in ${parts} parts`);
}
