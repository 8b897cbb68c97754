import { printable, SitError } from "./errors.js";
import { decodeText, describeJson, parseJson } from "./json.js";

/** The typed array that holds each element type; 16-bit floats and booleans as they are stored. */
export const safetensorsTypes = {
  BOOL: Uint8Array,
  U8: Uint8Array,
  I8: Int8Array,
  U16: Uint16Array,
  I16: Int16Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  U32: Uint32Array,
  I32: Int32Array,
  F32: Float32Array,
  U64: BigUint64Array,
  I64: BigInt64Array,
  F64: Float64Array,
} as const;

/** Element types this reader and writer know, by safetensors' names. */
export type SafetensorsDtype = keyof typeof safetensorsTypes;

/** What a header says of one tensor. */
export interface SafetensorsInfo {
  readonly dtype: SafetensorsDtype;
  /** [] for a scalar; a side may be 0. */
  readonly shape: readonly number[];
  /** Where its bytes are, counted from the start of the file; the last is `end - 1`. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** By name, in the header's order; without a prototype, so that any name is safe to look up. */
  readonly tensors: Readonly<Record<string, SafetensorsInfo>>;
  /** The free-form text entries of the header; without a prototype too. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The format's own limit, in bytes. */
export const maximumHeaderBytes = 100_000_000;

/**
 * The length of the header from a file's first 8 bytes.
 * @throws SitError "bad-file" where it is beyond the file or the format's limit
 */
export function readHeaderLength(first: Uint8Array, fileBytes: number, source: string): number {
  const fail = failing(source);
  if (first.length < 8) fail("at least 8 bytes", `${first.length}`);
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true);
  if (length > maximumHeaderBytes) {
    fail(`a header of at most ${maximumHeaderBytes} bytes`, `a length of ${length}`);
  }
  if (Number(length) > fileBytes - 8) fail(`a header of ${length} bytes`, `a file of ${fileBytes}`);
  return Number(length);
}

/**
 * Reads the header's text and holds it against the file's length: known types, shapes that fit their bytes, and data
 * that is covered exactly, without holes or overlaps.
 * @throws SitError "bad-file"
 */
export function parseHeader(text: Uint8Array, fileBytes: number, source: string): SafetensorsHeader {
  const fail = failing(source);
  if (text[0] !== 0x7b) fail("a JSON header that begins with {", describeStart(text[0]));
  const header = parseJson(decodeText(text, source), source) as Record<string, unknown>;
  const dataStart = 8 + text.length;
  const result = { tensors: emptyRecord<SafetensorsInfo>(), metadata: emptyRecord<string>() };
  for (const [name, value] of Object.entries(header)) {
    if (isMalformed(name)) fail("names of whole Unicode characters", describeJson(name));
    if (name === "__metadata__") readMetadata(value, result.metadata, fail);
    else result.tensors[name] = readInfo(value, dataStart, failing(`${source}: ${shortName(name)}`));
  }
  checkCoverage(result.tensors, dataStart, fileBytes, source);
  return result;
}

type Fail = (expected: string, got: string) => never;

function failing(source: string): Fail {
  return (expected, got) => {
    throw new SitError("bad-file", `${source}: expected ${expected}, got ${got}`);
  };
}

/** An object that any name is safe in, `__proto__` too. */
export function emptyRecord<T>(): Record<string, T> {
  return Object.create(null);
}

/** True where half of a surrogate pair stands alone: UTF-8 has no bytes for it. */
export function isMalformed(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}

/** The product of a shape's sides, or undefined where it is beyond the whole numbers of a double. */
export function countValues(shape: readonly number[]): number | undefined {
  let product = 1;
  for (const side of shape) {
    product *= side;
    // Before a side of 0 can hide it: other readers refuse that as well.
    if (!Number.isSafeInteger(product)) return undefined;
  }
  return product;
}

function readMetadata(value: unknown, into: Record<string, string>, fail: Fail): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    fail("__metadata__ to be an object of texts", describeJson(value));
  }
  for (const [key, text] of Object.entries(value as object)) {
    if (typeof text !== "string") fail(`a text for ${shortName(key)} of __metadata__`, describeJson(text));
    if (isMalformed(key) || isMalformed(text)) {
      fail(`__metadata__ of whole Unicode characters`, describeJson(isMalformed(key) ? key : text));
    }
    into[key] = text;
  }
}

function readInfo(value: unknown, dataStart: number, fail: Fail): SafetensorsInfo {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  if (typeof dtype !== "string" || !Object.hasOwn(safetensorsTypes, dtype)) {
    return fail(`dtype ${Object.keys(safetensorsTypes).join(", ")}`, describeJson(dtype));
  }
  if (!isSizes(shape)) return fail("a shape of whole numbers", describeJson(shape));
  if (!isSizes(offsets) || offsets.length !== 2) {
    return fail("two data_offsets", describeJson(offsets));
  }
  const [begin, end] = offsets as [number, number];
  const count = countValues(shape);
  if (count === undefined) return fail("a countable number of values", describeJson(shape));
  const bytes = count * safetensorsTypes[dtype as SafetensorsDtype].BYTES_PER_ELEMENT;
  if (begin > end || end - begin !== bytes) {
    fail(`${bytes} bytes for ${describeShape(shape)} ${dtype}`, `${begin} to ${end}`);
  }
  return { dtype: dtype as SafetensorsDtype, shape, begin: dataStart + begin, end: dataStart + end };
}

/** Every byte of the data belongs to one tensor: nothing can hide in the file, and nothing is read twice. */
function checkCoverage(
  tensors: Readonly<Record<string, SafetensorsInfo>>,
  dataStart: number,
  fileBytes: number,
  source: string,
): void {
  const ordered = Object.entries(tensors).sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let covered = dataStart;
  for (const [name, { begin, end }] of ordered) {
    if (begin !== covered) {
      failing(`${source}: ${shortName(name)}`)(
        `data from ${covered - dataStart} on, where the tensor before it ends`,
        `${begin < covered ? "an overlap" : "a hole"}, from ${begin - dataStart} on`,
      );
    }
    if (end > fileBytes) {
      failing(`${source}: ${shortName(name)}`)(
        `data up to ${end - dataStart}`,
        `${fileBytes - dataStart} bytes of data`,
      );
    }
    covered = end;
  }
  if (covered !== fileBytes) {
    failing(source)(`${covered - dataStart} bytes of data for the tensors`, String(fileBytes - dataStart));
  }
}

function isSizes(value: unknown): value is number[] {
  return (
    Array.isArray(value) &&
    value.every((side) => Number.isSafeInteger(side) && side >= 0 && !Object.is(side, -0))
  );
}

function shortName(name: string): string {
  return `${printable(name.slice(0, 60))}${name.length > 60 ? "…" : ""}`;
}

function describeShape(shape: readonly number[]): string {
  return shape.length > 8 ? `${shape.length} dimensions of` : `[${shape.join(", ")}]`;
}

function describeStart(byte: number | undefined): string {
  return byte === undefined
    ? "an empty one"
    : `one that begins with byte 0x${byte.toString(16).padStart(2, "0")}`;
}
