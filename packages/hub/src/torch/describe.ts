import { printable } from "@sitjs/core/errors";
import { PickleGlobal, PickleRecord, PickleUnknown } from "./pickle-value.js";

const longestShown = 80;

/** A name from the file as it can be shown: no control characters, and cut where it is long. */
export function shortName(name: string): string {
  return name.length > longestShown ? `${printable(name.slice(0, longestShown))}…` : printable(name);
}

/** A value in a few words for messages, as Python would write it. */
export function describe(value: unknown): string {
  if (value instanceof PickleGlobal) return shortName(value.name.replace(/^__builtin__[.]/, "builtins."));
  if (value instanceof PickleUnknown) return value.text;
  if (value instanceof PickleRecord) return `a ${value.name}`;
  if (typeof value === "string") {
    const text = printable(JSON.stringify(value.slice(0, longestShown)));
    return value.length > longestShown ? `${text}…` : text;
  }
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (Array.isArray(value)) {
    const short = value.length <= 4 && !value.some(Array.isArray);
    return short ? `[${value.map(describe).join(", ")}]` : `a list of ${value.length}`;
  }
  if (value instanceof Map) return `a dictionary of ${value.size}`;
  if (value instanceof Set) return `a set of ${value.size}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return "an object";
}

const mostArguments = 8;
const longestCall = 400;

/** A call as Python would write it, cut where it is long. */
export function describeCall(of: unknown, values: readonly unknown[]): string {
  const some = values.slice(0, mostArguments).map(describe).join(", ");
  const text = `${describe(of)}(${some}${values.length > mostArguments ? ", …" : ""})`;
  return text.length > longestCall ? `${text.slice(0, longestCall)}…` : text;
}
