/** A place in some bytes, which moves on as they are read. */
export interface Cursor {
  readonly view: DataView;
  at: number;
}

/**
 * The whole number at the cursor, 7 bits a byte, the lowest first (ULEB128); beyond 2^53 the nearest double.
 * @throws Error where it has more bytes than allowed, or they end
 */
export function readVarint(cursor: Cursor, mostBytes: number): number {
  let value = 0;
  for (let i = 0; i < mostBytes; i++) {
    const byte = cursor.view.getUint8(cursor.at++);
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return value;
  }
  throw new Error(`a number of more than ${mostBytes} bytes`);
}
