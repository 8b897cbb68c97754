import { SitError } from "./errors.js";

/** Element types this reader and writer know, by safetensors' names. */
export type SafetensorsDtype = "F32" | "I32" | "U8" | "F64" | "I64";

export interface SafetensorsEntry {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array | Float64Array | BigInt64Array;
}

export interface SafetensorsFile {
  readonly tensors: Readonly<Record<string, SafetensorsEntry>>;
  /** The free-form text entries of the header. */
  readonly metadata: Readonly<Record<string, string>>;
}

const types = {
  F32: Float32Array,
  I32: Int32Array,
  U8: Uint8Array,
  F64: Float64Array,
  I64: BigInt64Array,
} as const;

/**
 * Reads a safetensors file (format: 8 bytes header length, JSON header, data). Data is copied, so the result does
 * not depend on the alignment or the life of `bytes`.
 *
 * @param source what to call the file in errors
 * @throws SitError "bad-file": lengths, offsets, types and shapes are checked before use
 */
export function readSafetensors(bytes: Uint8Array, source = "safetensors"): SafetensorsFile {
  const fail = (why: string): never => {
    throw new SitError("bad-file", `${source}: ${why}`);
  };
  if (bytes.length < 8) fail(`expected at least 8 bytes, got ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = Number(view.getBigUint64(0, true));
  if (headerLength > bytes.length - 8) {
    fail(`expected a header of ${headerLength} bytes, got a file of ${bytes.length}`);
  }
  let header: unknown;
  try {
    header = JSON.parse(
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + headerLength)),
    );
  } catch (cause) {
    throw new SitError("bad-file", `${source}: expected a JSON header, got something else`, { cause });
  }
  if (typeof header !== "object" || header === null || Array.isArray(header))
    fail("expected a JSON object as header");
  const start = 8 + headerLength;
  // Collected as entries: a tensor called __proto__ must not vanish into a prototype.
  const tensors: [name: string, entry: SafetensorsEntry][] = [];
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(header as Record<string, unknown>)) {
    if (name === "__metadata__") {
      if (typeof value !== "object" || value === null) fail("expected __metadata__ to be an object");
      metadata = Object.fromEntries(
        Object.entries(value as object).map(([key, text]) => [key, String(text)]),
      );
      continue;
    }
    const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
    if (typeof dtype !== "string" || !Object.hasOwn(types, dtype)) {
      fail(`${name}: expected dtype ${Object.keys(types).join(", ")}, got ${String(dtype)}`);
    }
    if (!isSizes(shape)) fail(`${name}: expected a shape of whole numbers, got ${JSON.stringify(shape)}`);
    if (!isSizes(offsets) || offsets.length !== 2) fail(`${name}: expected two data_offsets`);
    const [begin, end] = offsets as [number, number];
    const Type = types[dtype as SafetensorsDtype];
    const size = (shape as number[]).reduce((product, side) => product * side, 1);
    if (begin > end || start + end > bytes.length || end - begin !== size * Type.BYTES_PER_ELEMENT) {
      fail(
        `${name}: expected ${size * Type.BYTES_PER_ELEMENT} bytes for [${(shape as number[]).join(", ")}] ${dtype}, ` +
          `got ${begin} to ${end} of ${bytes.length - start}`,
      );
    }
    // Not bytes.slice: a Node Buffer's slice is a view on the same memory.
    const copy = new Uint8Array(bytes.subarray(start + begin, start + end));
    const data = new Type(copy.buffer, 0, size);
    tensors.push([name, { dtype: dtype as SafetensorsDtype, shape: shape as number[], data }]);
  }
  return { tensors: Object.fromEntries(tensors), metadata };
}

/**
 * Writes a safetensors file; wide element types first, otherwise in the order given.
 *
 * @throws SitError "bad-parameters" where the data does not fit dtype and shape, or a tensor is called __metadata__
 */
export function writeSafetensors(file: SafetensorsFile): Uint8Array {
  const header: Record<string, unknown> = Object.create(null);
  if (Object.keys(file.metadata).length > 0) header.__metadata__ = file.metadata;
  let offset = 0;
  // Wide types first keep every tensor aligned to its own element size.
  const entries = Object.entries(file.tensors).sort(
    ([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT,
  );
  for (const [name, { dtype, shape, data }] of entries) {
    const size = shape.reduce((product, side) => product * side, 1);
    if (name === "__metadata__" || data.length !== size || !(data instanceof types[dtype])) {
      throw new SitError(
        "bad-parameters",
        `${name}: expected ${size} values of ${dtype} for [${shape.join(", ")}] under a free name, ` +
          `got ${data.length} in a ${data.constructor.name}`,
      );
    }
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const headerLength = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerLength + offset).fill(0x20, 8, 8 + headerLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.set(text, 8);
  let position = 8 + headerLength;
  for (const [, { data }] of entries) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return bytes;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((side) => Number.isSafeInteger(side) && side >= 0);
}
