import { SitError } from "@sitjs/core/errors";
import type { MatValue } from "../formats/mat/values.js";

/** The numbers of a variable. Throws `SitError("bad-file")` naming file and variable. */
export function matNumbers(
  file: ReadonlyMap<string, MatValue>,
  variable: string,
  source: string,
): Float64Array {
  const value = file.get(variable);
  if (value?.kind === "numbers") return value.data;
  throw wrong(source, variable, "numbers", value);
}

/** The texts of a variable's cells. */
export function matTexts(file: ReadonlyMap<string, MatValue>, variable: string, source: string): string[] {
  const value = file.get(variable);
  if (value?.kind !== "cells") throw wrong(source, variable, "cells", value);
  return value.cells.map((cell, i) => textOf(cell, source, `${variable}{${i + 1}}`));
}

/** A field of an array of structs, in all of them. */
export function matField<Kind extends "text" | "number">(
  file: ReadonlyMap<string, MatValue>,
  [variable, field]: readonly [string, string],
  kind: Kind,
  source: string,
): (Kind extends "text" ? string : number)[] {
  const value = file.get(variable);
  if (value?.kind !== "structs") throw wrong(source, variable, "structs", value);
  const column = value.fields.get(field);
  if (column === undefined) throw wrong(source, `${variable}.${field}`, "a field", undefined);
  return column.map((each, i) => {
    const place = `${variable}(${i + 1}).${field}`;
    return kind === "text" ? textOf(each, source, place) : numberOf(each, source, place);
  }) as (Kind extends "text" ? string : number)[];
}

function textOf(value: MatValue, source: string, place: string): string {
  const [text] = value.kind === "text" && value.rows.length === 1 ? value.rows : [];
  if (text === undefined) throw wrong(source, place, "one line of text", value);
  return text;
}

function numberOf(value: MatValue, source: string, place: string): number {
  const [number] = value.kind === "numbers" && value.data.length === 1 ? value.data : [];
  if (number === undefined) throw wrong(source, place, "one number", value);
  return number;
}

function wrong(source: string, place: string, expected: string, value: MatValue | undefined): SitError {
  const got = value === undefined ? "nothing" : `${value.kind} of shape [${value.shape.join(", ")}]`;
  return new SitError("bad-file", `${source}: ${place}: expected ${expected}, got ${got}`);
}
