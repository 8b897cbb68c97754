import type { RandomStream } from "@sitjs/core/random";
import { changes, pick } from "./bytes.js";

/** Values of every kind, and those near the limits. */
const values: readonly unknown[] = [
  null,
  true,
  0,
  -0.5,
  -1,
  1e308,
  2 ** 31,
  2 ** 32,
  Number.MAX_SAFE_INTEGER,
  2 ** 53,
  "",
  "x",
  "\ud800",
  "\0",
  "../x",
  "__proto__",
  [],
  [[]],
  {},
  { length: -1 },
  [1, 2, 3],
];

/** One of the values, for a single place: a list in two places could come to hold itself. */
const anyValue = (rng: RandomStream) => structuredClone(pick(values, rng));

/** Names that objects have from elsewhere, or that nobody expects. */
const keys = [
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "length",
  "",
  "\ud800",
  "x",
  "__metadata__",
];

type Container = Record<string, unknown> | unknown[];

/** A value that has grown beyond this many objects and lists is changed no more. */
const maximumContainers = 2000;

/** Every object and list of a value, or as many as may be. */
function containers(value: unknown, found: Container[] = []): Container[] {
  if (typeof value !== "object" || value === null || found.length > maximumContainers) return found;
  found.push(value as Container);
  for (const each of Object.values(value)) containers(each, found);
  return found;
}

function setOwn(object: Container, key: string | number, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

type Mutation = (holder: Container, key: string, rng: RandomStream, all: readonly Container[]) => void;

const mutations: readonly Mutation[] = [
  (holder, key, rng) => setOwn(holder, key, anyValue(rng)),
  function remove(holder, key) {
    if (Array.isArray(holder)) holder.splice(Number(key), 1);
    else delete holder[key];
  },
  function rename(holder, key, rng) {
    if (Array.isArray(holder)) return;
    const value = holder[key];
    delete holder[key];
    setOwn(holder, pick(keys, rng), value);
  },
  function add(holder, _key, rng) {
    if (Array.isArray(holder)) holder.push(anyValue(rng));
    else setOwn(holder, pick(keys, rng), anyValue(rng));
  },
  function repeat(holder, key, rng) {
    const value = (holder as Record<string, unknown>)[key];
    if (!Array.isArray(holder)) setOwn(holder, `${key}2`, structuredClone(value));
    else for (let left = 2 ** rng.integer(0, 7); left > 0; left--) holder.push(structuredClone(value));
  },
  function swap(holder, key, rng, all) {
    const other = pick(all, rng);
    const from = pick([...Object.keys(other), ""], rng);
    // A copy: a piece put into itself would be without an end.
    setOwn(holder, key, structuredClone((other as Record<string, unknown>)[from] ?? null));
  },
  function nudge(holder, key, rng) {
    const value = (holder as Record<string, unknown>)[key];
    if (typeof value === "number") setOwn(holder, key, value + pick([-1, 1, 0.5, 2 ** 32], rng));
    else if (typeof value === "string") setOwn(holder, key, value.slice(1) + pick(keys, rng));
  },
  function nest(holder, key, rng) {
    let value = (holder as Record<string, unknown>)[key];
    for (let left = rng.integer(1, 50); left > 0; left--) value = rng.chance(0.5) ? [value] : { x: value };
    setOwn(holder, key, value);
  },
];

/** Changes a JSON value, which is given back; 1 to 4 changes anywhere in it. */
export function mutateValue(value: unknown, rng: RandomStream): unknown {
  const root = { value };
  for (let left = changes(rng); left > 0; left--) {
    const all = containers(root);
    if (all.length > maximumContainers) break;
    const holder = pick(all, rng);
    const names = Object.keys(holder);
    if (names.length > 0) pick(mutations, rng)(holder, pick(names, rng), rng, all);
  }
  return root.value;
}

/** What only the text can have: a key twice, brackets without end, a number that no double holds. */
const textChanges: readonly ((text: string, rng: RandomStream) => string)[] = [
  function keyTwice(text, rng) {
    const found = [...text.matchAll(/"[^"\\]*":/g)];
    if (found.length === 0) return text;
    const match = pick(found, rng);
    return `${text.slice(0, match.index)}${match[0]}${pick(["0", "[]", '"x"'], rng)},${text.slice(match.index)}`;
  },
  function deep(text, rng) {
    const depth = 2 ** rng.integer(4, 15);
    const bracket = rng.chance(0.5) ? ["[", "]"] : ['{"x":', "}"];
    const inside = rng.chance(0.5) ? text.slice(0, 5000) : "0";
    const close = rng.chance(0.8) ? (bracket[1] as string).repeat(depth) : "";
    return `${(bracket[0] as string).repeat(depth)}${inside}${close}`;
  },
  function deepInside(text, rng) {
    const found = [...text.matchAll(/[:[,](?=[-\d"])/g)];
    if (found.length === 0) return text;
    const at = pick(found, rng).index + 1;
    const depth = 2 ** rng.integer(4, 15);
    return `${text.slice(0, at)}${"[".repeat(depth)}${"]".repeat(depth)},${text.slice(at)}`;
  },
  function number(text, rng) {
    const found = [...text.matchAll(/\d+/g)];
    if (found.length === 0) return text;
    const match = pick(found, rng);
    const value = pick(["-0", "1e999", "9007199254740993", "1e2", "0.5", "01"], rng);
    return text.slice(0, match.index) + value + text.slice(match.index + match[0].length);
  },
];

/** A JSON text with its value changed, its text, or both. */
export function mutateJson(text: string, rng: RandomStream): string {
  let changed = text;
  if (rng.chance(0.8)) changed = JSON.stringify(mutateValue(JSON.parse(text), rng)) ?? "";
  if (changed === text || rng.chance(0.25)) changed = pick(textChanges, rng)(changed, rng);
  return changed;
}
