import { SitError } from "./errors.js";
import {
  countValues,
  emptyRecord,
  isMalformed,
  maximumHeaderBytes,
  parseHeader,
  readHeaderLength,
  type SafetensorsDtype,
  type SafetensorsHeader,
  type SafetensorsInfo,
  safetensorsTypes,
} from "./safetensors-header.js";

export type { SafetensorsDtype, SafetensorsHeader, SafetensorsInfo } from "./safetensors-header.js";

/**
 * One tensor: its element type, its shape ([] for a scalar), and its values row by row. F16 and BF16 are their 16
 * bits, which `float16ToFloat32` and `bfloat16ToFloat32` convert; BOOL is a byte each.
 */
export type SafetensorsEntry = {
  [Dtype in SafetensorsDtype]: {
    readonly dtype: Dtype;
    readonly shape: readonly number[];
    readonly data: InstanceType<(typeof safetensorsTypes)[Dtype]>;
  };
}[SafetensorsDtype];

export interface SafetensorsFile {
  readonly tensors: Readonly<Record<string, SafetensorsEntry>>;
  /** The free-form text entries of the header. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads what a safetensors file holds without its data. Needs the whole file; `openSafetensors` of
 * `@sitjs/core/node` reads the header alone from the disk. Throws as `readSafetensors`.
 */
export function readSafetensorsHeader(bytes: Uint8Array, source = "safetensors"): SafetensorsHeader {
  const length = readHeaderLength(bytes.subarray(0, 8), bytes.length, source);
  return parseHeader(bytes.subarray(8, 8 + length), bytes.length, source);
}

/**
 * Reads a safetensors file (https://github.com/huggingface/safetensors): 8 bytes header length, JSON header, data. Data
 * is copied, so the result does not depend on the alignment or the life of `bytes`. As strict as the format: a header of
 * at most 100 MB that begins with `{`, no name twice, text metadata, data covered exactly by the tensors.
 *
 * @param source what to call the file in errors
 * @throws SitError "bad-file": lengths, offsets, types and shapes are checked before use
 */
export function readSafetensors(bytes: Uint8Array, source = "safetensors"): SafetensorsFile {
  const { tensors: infos, metadata } = readSafetensorsHeader(bytes, source);
  const tensors = emptyRecord<SafetensorsEntry>();
  for (const [name, info] of Object.entries(infos)) {
    // Not bytes.slice: a Node Buffer's slice is a view on the same memory.
    tensors[name] = entryOf(info, new Uint8Array(bytes.subarray(info.begin, info.end)));
  }
  return { tensors, metadata };
}

/** The tensor whose bytes these are, which it takes over; they fill their buffer. */
export function entryOf({ dtype, shape }: SafetensorsInfo, bytes: Uint8Array<ArrayBuffer>): SafetensorsEntry {
  return { dtype, shape, data: new safetensorsTypes[dtype](bytes.buffer) } as SafetensorsEntry;
}

/**
 * Writes a safetensors file; wide element types first, otherwise in the order given.
 *
 * @throws SitError "bad-parameters" where the data does not fit dtype and shape, a tensor is called __metadata__, a
 *   name is not whole Unicode characters, or the header is beyond the format's 100 MB
 */
export function writeSafetensors({ tensors, metadata }: SafetensorsFile): Uint8Array {
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    const count = countSides(shape);
    if (data.length !== count || !holds(data, dtype)) {
      throw new SitError(
        "bad-parameters",
        `${name}: expected ${count ?? "a countable number of"} values of ${dtype} for [${shape.join(", ")}], ` +
          `got ${data.length} in a ${data.constructor.name}`,
      );
    }
  }
  const { start, order, fileBytes } = safetensorsLayout(tensors, metadata);
  const bytes = new Uint8Array(fileBytes);
  bytes.set(start);
  let position = start.length;
  for (const name of order) {
    const { data } = tensors[name] as SafetensorsEntry;
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return bytes;
}

/** How a safetensors file begins, and which tensor's data follow which. */
export interface SafetensorsLayout {
  /** Length of the header and the header: all bytes before the data. */
  readonly start: Uint8Array;
  readonly order: readonly string[];
  readonly fileBytes: number;
}

/** The layout of a file of these tensors, for writing one after the other. Throws as `writeSafetensors`. */
export function safetensorsLayout(
  tensors: Readonly<Record<string, Pick<SafetensorsInfo, "dtype" | "shape">>>,
  metadata: Readonly<Record<string, string>> = {},
): SafetensorsLayout {
  const header = emptyRecord<unknown>();
  if (Object.keys(metadata).length > 0) header.__metadata__ = checkedMetadata(metadata);
  const width = (dtype: SafetensorsDtype) => safetensorsTypes[dtype].BYTES_PER_ELEMENT;
  // Wide types first keep every tensor aligned to its own element size.
  const entries = Object.entries(tensors).sort(([, a], [, b]) => width(b.dtype) - width(a.dtype));
  let offset = 0;
  for (const [name, { dtype, shape }] of entries) {
    const count = countSides(shape);
    if (name === "__metadata__" || isMalformed(name) || count === undefined) {
      throw new SitError(
        "bad-parameters",
        `${name}: expected a countable number of values under a free name, got [${shape.join(", ")}]`,
      );
    }
    const end = offset + count * width(dtype);
    header[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const headerLength = Math.ceil(text.length / 8) * 8;
  if (headerLength > maximumHeaderBytes) {
    throw new SitError(
      "bad-parameters",
      `safetensors header: expected at most ${maximumHeaderBytes} bytes of names and metadata, got ${headerLength}`,
    );
  }
  const start = new Uint8Array(8 + headerLength).fill(0x20, 8);
  new DataView(start.buffer).setBigUint64(0, BigInt(headerLength), true);
  start.set(text, 8);
  return { start, order: entries.map(([name]) => name), fileBytes: start.length + offset };
}

/** The number of values in a shape; undefined where that is no whole number that can be counted with. */
function countSides(shape: readonly number[]): number | undefined {
  const sizes = shape.every((side) => Number.isSafeInteger(side) && side >= 0);
  return sizes ? countValues(shape) : undefined;
}

function holds(data: SafetensorsEntry["data"], dtype: SafetensorsDtype): boolean {
  return Object.hasOwn(safetensorsTypes, dtype) && data instanceof safetensorsTypes[dtype];
}

function checkedMetadata(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const checked = emptyRecord<string>();
  for (const [key, text] of Object.entries(metadata)) {
    if (typeof text !== "string" || isMalformed(key) || isMalformed(text)) {
      const got = typeof text === "string" ? "half of a surrogate pair" : typeof text;
      throw new SitError(
        "bad-parameters",
        `metadata ${key}: expected a text of whole characters, got ${got}`,
      );
    }
    checked[key] = text;
  }
  return checked;
}
