import { requireOption } from "@sitjs/core/errors";

/** Throws `SitError("bad-option")` naming `path` where a value is not what it should be. */
export type Check = (value: unknown, path: string) => void;

const plain = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);

export const text: Check = (value, path) =>
  requireOption(typeof value === "string", path, "a text", kindOf(value));

export const number: Check = (value, path) =>
  requireOption(Number.isFinite(value), path, "a finite number", kindOf(value));

/** Any number, or null, which JSON makes of one that is not finite. */
export const numberOrNull: Check = (value, path) =>
  requireOption(value === null || typeof value === "number", path, "a number or null", kindOf(value));

/** From 0 to 1. */
export const fraction: Check = (value, path) =>
  requireOption(
    typeof value === "number" && value >= 0 && value <= 1,
    path,
    "a fraction from 0 to 1",
    kindOf(value),
  );

export const fractionOrNull: Check = (value, path) => {
  if (value !== null) fraction(value, path);
};

/** A class, or null where it is not known. */
export const label: Check = (value, path) =>
  requireOption(
    value === null || (Number.isSafeInteger(value) && (value as number) >= 0),
    path,
    "a class index or null",
    kindOf(value),
  );

export const oneOf =
  (...choices: readonly string[]): Check =>
  (value, path) =>
    requireOption(choices.includes(value as string), path, `one of ${choices.join(", ")}`, kindOf(value));

export const list =
  (check: Check): Check =>
  (value, path) => {
    requireOption(Array.isArray(value), path, "a list", kindOf(value));
    value.forEach((entry, index) => {
      check(entry, `${path}[${index}]`);
    });
  };

/** A list with one check for each of its entries. */
export const tuple =
  (...checks: readonly Check[]): Check =>
  (value, path) => {
    const fits = Array.isArray(value) && value.length === checks.length;
    requireOption(fits, path, `a list of ${checks.length}`, kindOf(value));
    for (const [index, check] of checks.entries()) check(value[index], `${path}[${index}]`);
  };

/** An object whose every value passes. */
export const record =
  (check: Check): Check =>
  (value, path) => {
    requireOption(plain(value), path, "an object", kindOf(value));
    for (const [name, entry] of Object.entries(value)) check(entry, `${path}.${name.slice(0, 60)}`);
  };

/** An object with these fields; `optional` ones may be missing. Others are not looked at. */
export const object =
  (required: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>> = {}): Check =>
  (value, path) => {
    requireOption(plain(value), path || "report", "an object", kindOf(value));
    const at = (name: string) => (path === "" ? name : `${path}.${name}`);
    for (const [name, check] of Object.entries(required)) check(value[name], at(name));
    for (const [name, check] of Object.entries(optional)) {
      if (value[name] !== undefined) check(value[name], at(name));
    }
  };

/** Text, number, truth value or null, and lists and objects of those to a depth that a page can show. */
export const setting =
  (depth = 8): Check =>
  (value, path) => {
    if (typeof value !== "object" || value === null) return;
    requireOption(depth > 0, path, "fewer values inside each other", kindOf(value));
    for (const [name, entry] of Object.entries(value))
      setting(depth - 1)(entry, `${path}.${name.slice(0, 60)}`);
  };

/** Short for messages, however large or deep. */
function kindOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length <= 8 && value.every(Number.isFinite) ? value : "a list";
  return typeof value === "object" && value !== null ? "an object" : value;
}
