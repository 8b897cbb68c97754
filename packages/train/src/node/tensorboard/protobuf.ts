/** A field of a message, encoded. */
export type Field = Buffer;

const encoder = new TextEncoder();

/** Base-128, the lowest seven bits first; of a whole number from 0 to 2^53 - 1. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return bytes;
}

const tag = (number: number, type: 0 | 1 | 2 | 5) => varint(number * 8 + type);

/** Of int32, int64 and enumerations; not negative. */
export const integer = (number: number, value: number): Field =>
  Buffer.from([...tag(number, 0), ...varint(value)]);

export function double(number: number, value: number): Field {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([Buffer.from(tag(number, 1)), bytes]);
}

export function float(number: number, value: number): Field {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([Buffer.from(tag(number, 5)), bytes]);
}

/** Of bytes, texts (UTF-8) and messages, which are their fields one after the other. */
export function bytes(number: number, value: Uint8Array | string | readonly Field[]): Field {
  const content =
    typeof value === "string"
      ? encoder.encode(value)
      : value instanceof Uint8Array
        ? value
        : Buffer.concat(value);
  return Buffer.concat([Buffer.from([...tag(number, 2), ...varint(content.length)]), content]);
}
