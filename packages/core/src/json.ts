import { printable, SitError } from "./errors.js";

/**
 * The value of a JSON text, as `JSON.parse`, but a key that an object has twice is an error and not a loss of the
 * first. Keys such as `__proto__` are ordinary ones of their object; look them up with `Object.hasOwn` or `Object.entries`.
 * @param source what to call the text in errors
 * @throws SitError "bad-file"
 */
export function parseJson(text: string, source: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SitError("bad-file", `${source}: expected JSON, got ${describeSyntaxError(cause)}`, { cause });
  }
  const twice = findRepeatedKey(text);
  if (twice !== undefined) {
    throw new SitError(
      "bad-file",
      `${source}: expected each key of an object once, got ${describeJson(twice)} twice`,
    );
  }
  return value;
}

/**
 * The value of JSON in UTF-8, as `parseJson`.
 * @throws SitError "bad-file", also for bytes that are not UTF-8 or are too many for one string (512 MB)
 */
export function parseJsonBytes(bytes: Uint8Array, source: string): unknown {
  return parseJson(decodeText(bytes, source), source);
}

/**
 * The text of UTF-8 bytes, without a byte order mark.
 * @throws SitError "bad-file" where they are not UTF-8 or too many for one string (512 MB)
 */
export function decodeText(bytes: Uint8Array, source: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    const got = bytes.length > 2 ** 29 - 25 ? `${bytes.length} bytes` : "bytes that are not";
    throw new SitError("bad-file", `${source}: expected UTF-8 text of less than 512 MB, got ${got}`, {
      cause,
    });
  }
}

/** A value of a JSON text in a few words for messages, however long or deep it is. */
export function describeJson(value: unknown): string {
  if (typeof value === "string") {
    return `${printable(JSON.stringify(value.slice(0, 60)))}${value.length > 60 ? "…" : ""}`;
  }
  if (Array.isArray(value)) {
    const short = value.length <= 8 && value.every((each) => typeof each === "number");
    return short ? `[${value.join(", ")}]` : `a list of ${value.length}`;
  }
  if (value === undefined) return "nothing";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/** V8's words without the piece of the text that it quotes, which may hold anything. */
function describeSyntaxError(cause: unknown): string {
  const at = /at position \d+/.exec(cause instanceof Error ? cause.message : "");
  return at ? `something else ${at[0]}` : "something else, or an end too early";
}

const quote = 0x22;
const backslash = 0x5c;

/** A key that some object of this text has twice; the text is known to be JSON. */
function findRepeatedKey(text: string): string | undefined {
  // For each level of nesting the keys so far, undefined in a list. Sets are used again: most objects are small.
  const levels: (Set<string> | undefined)[] = [];
  const spare: Set<string>[] = [];
  let keyNext = false;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case quote: {
        const start = at;
        for (at++; text.charCodeAt(at) !== quote; at++) if (text.charCodeAt(at) === backslash) at++;
        if (!keyNext) break;
        keyNext = false;
        const written = text.slice(start + 1, at);
        const key = written.includes("\\") ? (JSON.parse(`"${written}"`) as string) : written;
        const keys = levels.at(-1) as Set<string>;
        if (keys.has(key)) return key;
        keys.add(key);
        break;
      }
      case 0x7b: // {
        levels.push(spare.pop() ?? new Set());
        keyNext = true;
        break;
      case 0x5b: // [
        levels.push(undefined);
        keyNext = false;
        break;
      case 0x7d: // }
      case 0x5d: {
        const keys = levels.pop();
        if (keys) {
          keys.clear();
          spare.push(keys);
        }
        keyNext = false;
        break;
      }
      case 0x2c: // ,
        keyNext = levels.at(-1) !== undefined;
        break;
    }
  }
  return undefined;
}
