import { SitError } from "@sitjs/core/errors";

/** The numbers of the format's data types. */
export const dataType = {
  int8: 1,
  uint8: 2,
  int16: 3,
  uint16: 4,
  int32: 5,
  uint32: 6,
  single: 7,
  double: 9,
  int64: 12,
  uint64: 13,
  matrix: 14,
  compressed: 15,
  utf8: 16,
  utf16: 17,
  utf32: 18,
} as const;

/** A data element: its type, and its bytes without tag and padding. */
export interface Element {
  readonly type: number;
  readonly bytes: Uint8Array;
  /** Where `bytes` begin, in the stretch that the element was read from. */
  readonly at: number;
}

/** What messages call a place in a stretch of bytes: "file.mat: byte 128". */
export type Place = (offset: number) => string;

/** Reads the data elements of a stretch of bytes one after the other; none of them leads out of it. */
export class Elements {
  readonly littleEndian: boolean;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #place: Place;
  #offset = 0;

  constructor(bytes: Uint8Array, littleEndian: boolean, place: Place) {
    this.littleEndian = littleEndian;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#place = place;
  }

  get done(): boolean {
    return this.#offset >= this.#bytes.length;
  }

  /** How many elements can follow at most: each has a tag of 8 bytes. */
  get room(): number {
    return Math.floor((this.#bytes.length - this.#offset) / 8);
  }

  /** The elements inside one of these. */
  inside(element: Element): Elements {
    return new Elements(element.bytes, this.littleEndian, (offset) => this.#place(element.at + offset));
  }

  /**
   * The next element.
   * @param what what it should be, for messages
   * @throws SitError "bad-file" where the bytes end before it does
   */
  next(what: string): Element {
    const tag = this.#offset;
    const left = this.#bytes.length - tag;
    if (left < 8) this.fail(tag, `${what}, with a tag of 8 bytes`, left === 0 ? "the end" : `${left} bytes`);
    const first = this.#view.getUint32(tag, this.littleEndian);
    // Data of up to four bytes may lie in the tag itself, with their number in the upper half of its first word.
    const small = first >>> 16;
    const at = tag + (small > 0 ? 4 : 8);
    const length = small > 0 ? small : this.#view.getUint32(tag + 4, this.littleEndian);
    if (small > 4) this.fail(tag, `${what} with at most 4 bytes in its tag`, String(small));
    if (length > this.#bytes.length - at) {
      this.fail(tag, `${what} of at most ${this.#bytes.length - at} bytes`, `${length} bytes`);
    }
    const type = small > 0 ? first & 0xffff : first;
    const end = at + length;
    // Elements begin at multiples of 8, but after compressed ones.
    this.#offset = small > 0 ? tag + 8 : type === dataType.compressed ? end : at + Math.ceil(length / 8) * 8;
    return { type, bytes: this.#bytes.subarray(at, end), at };
  }

  /** The next element, which must be a matrix. */
  nextMatrix(what: string): Element {
    const element = this.next(what);
    if (element.type !== dataType.matrix) {
      this.fail(element.at, `${what} (data type ${dataType.matrix})`, `data type ${element.type}`);
    }
    return element;
  }

  /** The next element's numbers, real ones of any type. */
  nextNumbers(what: string): Float64Array {
    return this.numbers(this.next(what), what);
  }

  numbers(element: Element, what: string): Float64Array {
    const { type, bytes, at } = element;
    const read = readers[type];
    if (read === undefined) return this.fail(at, `${what} as numbers`, `data type ${type}`);
    const [size, get] = read;
    if (bytes.length % size !== 0) {
      this.fail(at, `${what} as numbers of ${size} bytes each`, `${bytes.length} bytes`);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Float64Array.from({ length: bytes.length / size }, (_, i) =>
      get(view, i * size, this.littleEndian),
    );
  }

  /** @throws SitError "bad-file" */
  fail(offset: number, expected: string, got: string): never {
    throw new SitError("bad-file", `${this.#place(offset)}: expected ${expected}, got ${got}`);
  }
}

type Read = readonly [size: number, get: (view: DataView, at: number, little: boolean) => number];

const readers: Readonly<Record<number, Read>> = {
  [dataType.int8]: [1, (view, at) => view.getInt8(at)],
  [dataType.uint8]: [1, (view, at) => view.getUint8(at)],
  [dataType.int16]: [2, (view, at, little) => view.getInt16(at, little)],
  [dataType.uint16]: [2, (view, at, little) => view.getUint16(at, little)],
  [dataType.int32]: [4, (view, at, little) => view.getInt32(at, little)],
  [dataType.uint32]: [4, (view, at, little) => view.getUint32(at, little)],
  [dataType.single]: [4, (view, at, little) => view.getFloat32(at, little)],
  [dataType.double]: [8, (view, at, little) => view.getFloat64(at, little)],
  // Beyond 2^53 the nearest double, as MATLAB's own double() gives.
  [dataType.int64]: [8, (view, at, little) => Number(view.getBigInt64(at, little))],
  [dataType.uint64]: [8, (view, at, little) => Number(view.getBigUint64(at, little))],
};
