import { SitError } from "@sitjs/core/errors";

/** An array in the IDX format of MNIST: unsigned bytes with their shape. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

const unsignedByte = 0x08;

/**
 * Reads an IDX file of unsigned bytes (format: https://yann.lecun.com/exdb/mnist). `data` is a view of `bytes`.
 * @param name what messages call the file
 * @throws SitError "bad-file" where the header or the length is not as the format wants.
 */
export function parseIdx(bytes: Uint8Array, name = "idx file"): IdxArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail = (expected: string, got: string): never => {
    throw new SitError("bad-file", `${name}: expected ${expected}, got ${got}`);
  };
  if (bytes.length < 4) fail("an IDX header of at least 4 bytes", `a file of ${bytes.length}`);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) fail("an IDX file", "a gzip file (uncompress it first)");
  if (view.getUint16(0) !== 0)
    fail("an IDX file, which begins with two zero bytes", `0x${hex(view.getUint32(0))}`);
  if (bytes[2] !== unsignedByte) fail("IDX data of unsigned bytes (type 0x08)", `type 0x${hex(bytes[2], 2)}`);
  const rank = bytes[3] as number;
  if (rank < 1 || rank > 4) fail("1 to 4 dimensions", String(rank));
  const header = 4 + 4 * rank;
  if (bytes.length < header)
    fail(`a header of ${header} bytes for ${rank} dimensions`, `a file of ${bytes.length}`);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  // Four 32-bit sizes can overflow a double's whole numbers; the file's length then cannot agree either.
  const size = shape.reduce((product, n) => product * n, 1);
  if (bytes.length - header !== size) {
    fail(`${size} bytes of data for the shape [${shape.join(", ")}]`, String(bytes.length - header));
  }
  return { shape, data: bytes.subarray(header) };
}

function hex(value: number | undefined, digits = 8): string {
  return (value ?? 0).toString(16).padStart(digits, "0");
}

/**
 * Writes unsigned bytes as an IDX file.
 * @throws SitError "bad-shape" where the shape does not fit the data.
 */
export function formatIdx({ shape, data }: IdxArray): Uint8Array {
  const size = shape.reduce((product, n) => product * n, 1);
  const whole = shape.every((n) => Number.isInteger(n) && n >= 0 && n < 2 ** 32);
  if (shape.length < 1 || shape.length > 4 || !whole || size !== data.length) {
    throw new SitError(
      "bad-shape",
      `idx shape: expected 1 to 4 sizes with a product of ${data.length}, got [${shape}]`,
    );
  }
  const header = 4 + 4 * shape.length;
  const bytes = new Uint8Array(header + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, (unsignedByte << 8) | shape.length);
  for (const [i, n] of shape.entries()) view.setUint32(4 + 4 * i, n);
  bytes.set(data, header);
  return bytes;
}
