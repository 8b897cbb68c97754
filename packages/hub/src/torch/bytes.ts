import { SitError } from "@sitjs/core/errors";

/** Reads a pickle's little-endian fields, each after a look at what is left. */
export class PickleBytes {
  position: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #source: string;

  constructor(bytes: Uint8Array, start: number, source: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.position = start;
    this.#source = source;
  }

  /** Moves on by `count` bytes and says where they began. */
  #take(count: number): number {
    const left = this.#bytes.length - this.position;
    if (count > left) {
      throw new SitError(
        "bad-file",
        `${this.#source}: expected ${count} more bytes of the pickle, got ${left}`,
      );
    }
    const start = this.position;
    this.position += count;
    return start;
  }

  uint8 = (): number => this.#view.getUint8(this.#take(1));
  uint16 = (): number => this.#view.getUint16(this.#take(2), true);
  uint32 = (): number => this.#view.getUint32(this.#take(4), true);
  int32 = (): number => this.#view.getInt32(this.#take(4), true);
  float64 = (): number => this.#view.getFloat64(this.#take(8), false);
  uint64(): number {
    const value = this.#view.getBigUint64(this.#take(8), true);
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
  }

  /** A copy, so that a small value does not hold on to the file. */
  bytes(count: number): Uint8Array {
    const start = this.#take(count);
    return new Uint8Array(this.#bytes.subarray(start, start + count));
  }

  /** Text; halves of surrogate pairs, which Python may write, become the replacement character. */
  text(count: number): string {
    const start = this.#take(count);
    return new TextDecoder().decode(this.#bytes.subarray(start, start + count));
  }

  latin1(count: number): string {
    return Array.from(this.bytes(count), (code) => String.fromCharCode(code)).join("");
  }

  /** Text up to the end of the line, at most 1,000 bytes. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.position);
    const count = (end < 0 ? this.#bytes.length : end) - this.position;
    if (end < 0 || count > 1000) {
      throw new SitError("bad-file", `${this.#source}: expected a name of one line in the pickle`);
    }
    const text = this.text(count);
    this.position++;
    return text;
  }

  /** A signed whole number of `count` bytes: a number where that is exact, else a bigint. */
  long(count: number): number | bigint {
    if (count > 32) {
      throw new SitError("bad-file", `${this.#source}: expected a number of at most 32 bytes, got ${count}`);
    }
    const bytes = this.bytes(count);
    const unsigned = bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
    const value = BigInt.asIntN(8 * count, unsigned);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
}
