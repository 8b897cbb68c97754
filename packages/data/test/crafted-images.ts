/** Image files byte by byte: what no encoder writes, such as bombs, or what the encoder at hand cannot. */
import { deflateSync } from "node:zlib";

const SIGNATURE = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");

export interface PngParts {
  readonly width: number;
  readonly height: number;
  /** Bits of one channel. */
  readonly depth: number;
  /** 0: grey, 2: RGB. */
  readonly colour: 0 | 2;
  /** The pixels' zlib stream. */
  readonly data: Buffer;
  /** Chunks between the header and the pixels. */
  readonly extra?: readonly Buffer[];
}

/** A PNG file of these parts, whatever they claim; every chunk whole and with its checksum. */
export function png({ width, height, depth, colour, data, extra = [] }: PngParts): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = depth;
  header[9] = colour;
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    ...extra,
    chunk("IDAT", data),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** A real PNG of 1 bit for each pixel, all of them white: 20,000 x 20,000 take 50 kB. */
export function whitePng(width: number, height: number): Buffer {
  const row = Buffer.alloc(1 + Math.ceil(width / 8), 0xff);
  row[0] = 0;
  const rows = Buffer.alloc(row.length * height);
  for (let y = 0; y < height; y++) row.copy(rows, y * row.length);
  return png({ width, height, depth: 1, colour: 0, data: deflateSync(rows) });
}

export function chunk(type: string, data: Buffer): Buffer {
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, "latin1");
  data.copy(out, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
}

/** CRC-32 as in the PNG specification's annex D; zlib's own came with Node 22. */
function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/**
 * A lossless WebP of one colour in 32 bytes: every prefix code has one symbol, which takes no bits, so that the pixels
 * need no data at all (WebP Lossless Bitstream Specification, section 5). Up to 16,383 x 16,383 it decodes in full.
 */
export function tinyWebp(width: number, height: number, [red, green, blue]: readonly number[]): Buffer {
  const bits: number[] = [];
  const put = (value: number, count: number) => {
    for (let bit = 0; bit < count; bit++) bits.push((value >>> bit) & 1);
  };
  put(0x2f, 8);
  put(width - 1, 14);
  put(height - 1, 14);
  put(0, 1 + 3); // alpha is not used; version 0
  put(0, 1 + 1 + 1); // no transform, no colour cache, no meta prefix codes
  // Simple codes (1) of one symbol (0) of 8 bits (1): green, red, blue, alpha; then distances, whose symbol is 0.
  for (const symbol of [green, red, blue, 255]) {
    put(0b101, 3);
    put(symbol as number, 8);
  }
  put(0b0001, 4);
  const data = Buffer.alloc(2 * Math.ceil(bits.length / 16));
  bits.forEach((bit, i) => {
    data[i >> 3] = (data[i >> 3] as number) | (bit << (i & 7));
  });
  const file = Buffer.alloc(20 + data.length);
  file.write("RIFF", 0, "latin1");
  file.writeUInt32LE(12 + data.length, 4);
  file.write("WEBPVP8L", 8, "latin1");
  file.writeUInt32LE(data.length, 16);
  data.copy(file, 20);
  return file;
}

/** A JPEG whose header claims another size: the frame header (SOF) is the only segment that is changed. */
export function claimJpegSize(jpeg: Buffer, width: number, height: number): Buffer {
  const out = Buffer.from(jpeg);
  let at = 2;
  while (out[at + 1] !== 0xc0 && out[at + 1] !== 0xc2) at += 2 + out.readUInt16BE(at + 2);
  out.writeUInt16BE(height, at + 5);
  out.writeUInt16BE(width, at + 7);
  return out;
}

/** A progressive JPEG whose first scan comes `times` times: each makes a decoder go through the whole image again. */
export function repeatScan(jpeg: Buffer, times: number): Buffer {
  const start = jpeg.indexOf(Buffer.from([0xff, 0xda]));
  let end = start + 2;
  // The next marker that is no stuffed byte.
  while (!(jpeg[end] === 0xff && jpeg[end + 1] !== 0)) end++;
  const scan = jpeg.subarray(start, end);
  return Buffer.concat([
    jpeg.subarray(0, start),
    ...Array.from({ length: times }, () => scan),
    jpeg.subarray(end),
  ]);
}

/** A GIF with this logical screen and its one image as large, but data for few pixels. */
export function claimGifSize(width: number, height: number): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt16LE(width, 0);
  size.writeUInt16LE(height, 2);
  const screen = [Buffer.from("GIF89a"), size, Buffer.from([0x80, 0, 0, 0, 0, 0, 255, 255, 255])];
  const image = [Buffer.from([0x2c, 0, 0, 0, 0]), size, Buffer.from([0, 2, 2, 0x4c, 0x01, 0, 0x3b])];
  return Buffer.concat([...screen, ...image]);
}
