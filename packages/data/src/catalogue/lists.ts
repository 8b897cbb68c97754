import { existsSync } from "node:fs";
import { join } from "node:path";
import { printable, SitError } from "@sitjs/core/errors";
import { decodeText, describeJson } from "@sitjs/core/json";
import { readPlain } from "../idx-dataset.js";

/** A line of a list, in its columns. */
export interface Row {
  readonly cells: readonly string[];
  /** The file and the line, for messages. */
  readonly where: string;
}

/**
 * The folder that has `marker` in it, a path: `folder` itself or the first of those below it. A data set is found whether
 * the folder above its archive's content is named or one inside.
 * @throws SitError "missing-file"
 */
export function findRoot(folder: string, below: readonly string[], marker: string): string {
  const candidates = [...below, ""].map((path) => join(folder, path));
  const root = candidates.find((path) => existsSync(join(path, marker)));
  if (root !== undefined) return root;
  const expected = below.map((path) => `${path}/${marker}`).join(" or ");
  throw new SitError("missing-file", `${printable(folder)}: expected ${expected} in it, got none`);
}

/**
 * The lines of a text file as columns, separated by spaces or tabs; the last column takes the rest of its line. Empty
 * lines and comments, which begin with #, are passed over.
 * @param columns what they hold, for messages
 * @throws SitError "missing-file", "bad-file" naming file and line, also where there is none
 */
export async function readRows(path: string, columns: readonly string[]): Promise<Row[]> {
  const name = printable(path);
  const lines = decodeText(await readPlain(path), name).split("\n");
  const pattern = new RegExp(`^${"(\\S+)[ \\t]+".repeat(columns.length - 1)}(\\S.*)$`);
  const rows: Row[] = [];
  for (const [i, line] of lines.entries()) {
    const text = line.trim();
    if (text === "" || text.startsWith("#")) continue;
    const where = `${name}: line ${i + 1}`;
    const cells = pattern.exec(text)?.slice(1);
    if (cells === undefined) {
      throw new SitError("bad-file", `${where}: expected ${columns.join(", ")}, got ${describeJson(text)}`);
    }
    rows.push({ cells, where });
  }
  if (rows.length === 0) {
    throw new SitError("bad-file", `${name}: expected lines of ${columns.join(", ")}, got none`);
  }
  return rows;
}

/** Lines of an id and what belongs to it, by id, in their order. */
export async function readTable(path: string, columns: readonly [string, string]): Promise<Map<string, Row>> {
  const table = new Map<string, Row>();
  for (const row of await readRows(path, columns)) {
    const id = row.cells[0] as string;
    if (table.has(id)) {
      throw new SitError(
        "bad-file",
        `${row.where}: expected each ${columns[0]} once, got ${describeJson(id)} again`,
      );
    }
    table.set(id, { cells: row.cells.slice(1), where: row.where });
  }
  return table;
}

/** The whole number from 1 to `count` that a text or a number of a file is, minus 1. Throws `SitError("bad-file")`. */
export function fromOne(value: string | number, count: number, what: string, where: string): number {
  const number = typeof value === "number" ? value : /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isInteger(number) && number >= 1 && number <= count) return number - 1;
  throw new SitError("bad-file", `${where}: expected ${what} from 1 to ${count}, got ${describeJson(value)}`);
}

/** The place of each name. Throws `SitError("bad-file")` where one comes twice. */
export function placesOf(names: readonly string[], source: string): Map<string, number> {
  const places = new Map(names.map((name, i) => [name, i]));
  if (places.size === names.length) return places;
  const twice = names.find((name, i) => places.get(name) !== i);
  throw new SitError(
    "bad-file",
    `${printable(source)}: expected each class once, got ${describeJson(twice)} again`,
  );
}

/** The place of a class. Throws `SitError("bad-file")` for an unknown one. */
export function placeOf(name: string, places: ReadonlyMap<string, number>, where: string): number {
  const place = places.get(name);
  if (place !== undefined) return place;
  throw new SitError(
    "bad-file",
    `${where}: expected one of ${places.size} classes, got ${describeJson(name)}`,
  );
}
