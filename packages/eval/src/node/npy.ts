import { type FileHandle, open } from "node:fs/promises";
import { printable, SitError } from "@sitjs/core/errors";
import { openFile } from "@sitjs/core/node";

/** Of a header, padded: room for any shape. */
const HEADER_BYTES = 128;
/** Three entries: a type, an order and a shape. */
const LONGEST_HEADER = 2 ** 16;

/**
 * The header of a NumPy array file, version 1.0, little endian, rows first.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export function npyHeader(type: "<f4" | "<i4", shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const bytes = Buffer.alloc(HEADER_BYTES, " ");
  bytes.write("\x93NUMPY\x01\x00", "latin1");
  bytes.writeUInt16LE(HEADER_BYTES - 10, 8);
  bytes.write(text, 10, "latin1");
  bytes.write("\n", HEADER_BYTES - 1);
  return bytes;
}

/** Writes an array row by row; how many rows there are is known at the end. */
export class NpyWriter {
  private rows = 0;
  private constructor(
    private readonly handle: FileHandle,
    private readonly type: "<f4" | "<i4",
  ) {}

  static async create(path: string, type: "<f4" | "<i4"): Promise<NpyWriter> {
    const writer = new NpyWriter(await open(path, "w"), type);
    await writer.handle.writeFile(npyHeader(type, [0]));
    return writer;
  }

  async append(values: Float32Array | Int32Array, rows: number): Promise<void> {
    await this.handle.writeFile(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    this.rows += rows;
  }

  /** @param inner the shape of one row */
  async finish(inner: readonly number[]): Promise<void> {
    await this.handle.write(npyHeader(this.type, [this.rows, ...inner]), 0, HEADER_BYTES, 0);
    await this.handle.sync();
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

/** A NumPy array file of 32-bit numbers, open for reading. */
export interface NpyFile {
  readonly shape: readonly number[];
  /** The values of some rows, in this order. */
  rows(indices: ArrayLike<number>): Promise<Uint8Array>;
  close(): Promise<void>;
}

/**
 * Opens an array whose rows lie one after the other.
 * @throws SitError "missing-file"; "bad-file" naming the file, where it is another thing or cut off
 */
export async function openNpy(path: string, type: "<f4" | "<i4"): Promise<NpyFile> {
  const file = await openFile(path);
  const wrong = (got: string) => {
    const kind = type === "<f4" ? "float32" : "int32";
    return new SitError(
      "bad-file",
      `${printable(path)}: expected a NumPy file of ${kind}, rows first, got ${got}`,
    );
  };
  try {
    if (file.size < 12) throw wrong(`a file of ${file.size} bytes`);
    const start = Buffer.alloc(12);
    await file.read(0, start);
    const version = start[6] as number;
    if (start.toString("latin1", 0, 6) !== "\x93NUMPY")
      throw wrong("one that does not begin with \\x93NUMPY");
    const at = version === 1 ? 10 : 12;
    const length = version === 1 ? start.readUInt16LE(8) : start.readUInt32LE(8);
    if (at + length > file.size) throw wrong("one that is cut off");
    if (length > LONGEST_HEADER) throw wrong(`a header of ${length} bytes`);
    const text = Buffer.alloc(length);
    await file.read(at, text);
    const header = text.toString("latin1");
    const shape = /'shape': \(([\d, ]*)\)/.exec(header)?.[1]?.match(/\d+/g)?.map(Number);
    const fits = header.includes(`'descr': '${type}'`) && header.includes("'fortran_order': False");
    if (!fits || !shape || shape.length === 0)
      throw wrong(`the header ${printable(header.trim().slice(0, 120))}`);
    const [count, ...inner] = shape as [number, ...number[]];
    const rowBytes = 4 * inner.reduce((product, size) => product * size, 1);
    if (!Number.isSafeInteger(rowBytes) || at + length + count * rowBytes !== file.size)
      throw wrong(`${file.size} bytes for ${count} rows`);
    return {
      shape,
      async rows(indices) {
        const bytes = new Uint8Array(indices.length * rowBytes);
        for (let i = 0; i < indices.length; i++) {
          const target = bytes.subarray(i * rowBytes, (i + 1) * rowBytes);
          await file.read(at + length + (indices[i] as number) * rowBytes, target);
        }
        return bytes;
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}
