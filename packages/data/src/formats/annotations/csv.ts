import { requireOption, SitError } from "@sitjs/core/errors";
import { decodeText, describeJson } from "@sitjs/core/json";
import { CsvError, parse } from "csv-parse/sync";
import { type AnnotationOptions, type Annotations, collector } from "./annotations.js";

/** A column by its name in the header, or by its number from 0 on. */
export type CsvColumn = string | number;

export interface CsvAnnotationOptions extends AnnotationOptions {
  /** Whether the first line names the columns. Default true. */
  readonly header?: boolean;
  /** Between columns; default a comma. */
  readonly delimiter?: string;
  /** Column of the image's file. Default 0. */
  readonly file?: CsvColumn;
  /** Column of the label, or the labels. Default 1. */
  readonly label?: CsvColumn;
  /** Between several labels of one cell, such as a space or "|"; an empty cell is then an image without labels. */
  readonly separator?: string;
  /**
   * Instead of `label`: columns named by their class that hold 1 where the image shows it and 0 or -1 where not; true for
   * all but that of the file. Needs a header. "auto": as true where there are more than two columns, else not.
   */
  readonly oneHot?: true | "auto" | readonly string[];
}

/** What `csvAnnotations` gives, of the bytes of a file that messages call `source`. */
export function parseCsvAnnotations(
  bytes: Uint8Array,
  options: CsvAnnotationOptions = {},
  source = "annotations.csv",
): Annotations {
  checkOptions(options);
  const { header = true, delimiter = "," } = options;
  let rows: ReturnType<typeof rowReader> | undefined;
  const text = decodeText(bytes, source);
  try {
    parse(text, {
      delimiter,
      skip_empty_lines: true,
      // Lengths are checked here, with a message of the same form as all others.
      relax_column_count: true,
      // Nothing is gathered by the library: each row is taken as it comes.
      on_record(cells: string[], { lines }) {
        const where = `${source}: line ${lines}`;
        if (rows) rows.add(cells, where);
        else {
          rows = rowReader(cells, options, where);
          if (!header) rows.add(cells, where);
        }
        return null;
      },
    });
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    const line = typeof cause.lines === "number" ? `: line ${cause.lines}` : "";
    const problem = cause.code.replace(/^CSV_/, "").replaceAll("_", " ").toLowerCase();
    throw new SitError("bad-file", `${source}${line}: expected CSV, got: ${problem}`, { cause });
  }
  if (!rows) throw new SitError("bad-file", `${source}: expected at least one line, got none`);
  return rows.finish();
}

function checkOptions({
  header = true,
  delimiter = ",",
  separator,
  oneHot,
  label,
}: CsvAnnotationOptions): void {
  const oneCharacter = typeof delimiter === "string" && [...delimiter].length === 1;
  requireOption(oneCharacter && !/["\r\n]/.test(delimiter), "delimiter", "one character", delimiter);
  requireOption(
    separator === undefined || separator !== "",
    "separator",
    "at least one character",
    separator,
  );
  if (oneHot === undefined || oneHot === "auto") return;
  requireOption(header, "oneHot", "a file with a header", oneHot);
  requireOption(
    separator === undefined && label === undefined,
    "oneHot",
    "neither label nor separator",
    oneHot,
  );
}

/** Takes rows apart by the columns that the first row decides. */
function rowReader(first: readonly string[], options: CsvAnnotationOptions, where: string) {
  const names = (options.header ?? true) ? checkHeader(first, where) : undefined;
  const numbered = names && new Map(names.map((name, i) => [name, i]));
  const place = (column: CsvColumn) =>
    findColumn(column, first.length, { names, at: (name) => numbered?.get(name) ?? -1, where });
  const fileAt = place(options.file ?? 0);
  const hot = names && oneHotColumns(names, fileAt, options.oneHot);
  if (hot?.includes(""))
    throw new SitError("bad-file", `${where}: expected a name for each column, got an empty one`);
  const hotAt = hot?.map((name) => [place(name), name] as const);
  const labelAt = hotAt ? undefined : place(options.label ?? 1);
  const collected = collector(options, hot);
  return {
    add(cells: readonly string[], where: string) {
      if (cells.length !== first.length) {
        throw new SitError("bad-file", `${where}: expected ${first.length} columns, got ${cells.length}`);
      }
      const labels = hotAt
        ? hotAt.filter(([at, name]) => isHot(cells[at] as string, name, where)).map(([, name]) => name)
        : labelsOf(cells[labelAt as number] as string, options.separator);
      collected.add(cells[fileAt] as string, labels, where);
    },
    finish: () => collected.finish(),
  };
}

function checkHeader(names: readonly string[], where: string): readonly string[] {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) {
      throw new SitError("bad-file", `${where}: expected each column once, got ${describeJson(name)} twice`);
    }
    seen.add(name);
  }
  return names;
}

interface Header {
  readonly names: readonly string[] | undefined;
  at(name: string): number;
  readonly where: string;
}

function findColumn(column: CsvColumn, count: number, header: Header): number {
  const { names, where } = header;
  const at = typeof column === "number" ? column : header.at(column);
  if (Number.isSafeInteger(at) && at >= 0 && at < count) return at;
  const some = names?.slice(0, 8).map(describeJson).join(", ");
  const got = names
    ? `columns ${some}${names.length > 8 ? `, … (${names.length})` : ""}`
    : `${count} columns`;
  throw new SitError("bad-file", `${where}: expected a column ${describeJson(column)}, got ${got}`);
}

function oneHotColumns(
  names: readonly string[],
  fileAt: number,
  oneHot: CsvAnnotationOptions["oneHot"],
): readonly string[] | undefined {
  if (oneHot === "auto") return oneHotColumns(names, fileAt, names.length > 2 ? true : undefined);
  return oneHot === true ? names.filter((_, i) => i !== fileAt) : oneHot;
}

function isHot(cell: string, name: string, where: string): boolean {
  const value = cell.trim();
  if (value === "1" || value === "0" || value === "-1") return value === "1";
  throw new SitError(
    "bad-file",
    `${where}: column ${describeJson(name)}: expected 1, 0 or -1, got ${describeJson(cell)}`,
  );
}

function labelsOf(cell: string, separator: string | undefined): string[] {
  if (separator === undefined) return [cell.trim()];
  const labels = cell.split(separator).map((label) => label.trim());
  return labels.filter((label) => label !== "");
}
