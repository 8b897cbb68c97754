import type { ImageFormat } from "./image-format.js";

/**
 * Whether a file ends before its image does, by the structure of its format alone: lengths of chunks and segments, and
 * the mark at the end. What comes after the end does not matter. Decoders may not notice, where the last rows are few.
 */
export function isCutOff(bytes: Buffer, format: ImageFormat): boolean {
  return !ends[format](bytes);
}

/** For each format: whether the end of the first image is there. */
const ends: Record<ImageFormat, (bytes: Buffer) => boolean> = {
  jpeg: jpegEnds,
  png: pngEnds,
  // The length in the RIFF header counts what comes after it.
  webp: (bytes) => bytes.length >= 12 && bytes.length >= 8 + bytes.readUInt32LE(4),
  gif: gifEnds,
};

/** ITU-T T.81, annex B: segments with their lengths; after a start of scan, entropy-coded data up to the next marker. */
function jpegEnds(bytes: Buffer): boolean {
  const endOfImage = 0xd9;
  const startOfScan = 0xda;
  let at = 2;
  while (at + 1 < bytes.length) {
    // Bytes between segments are skipped, as decoders do; a marker may have several 0xff before it.
    const marker = bytes[at + 1] as number;
    if (bytes[at] !== 0xff || marker === 0xff || marker === 0) {
      at++;
      continue;
    }
    if (marker === endOfImage) return true;
    const alone = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
    if (alone) {
      at += 2;
      continue;
    }
    if (at + 3 >= bytes.length) return false;
    at += 2 + bytes.readUInt16BE(at + 2);
    if (marker === startOfScan) at = endOfScan(bytes, at);
  }
  return false;
}

/** Where the next marker is that is neither a stuffed 0xff nor a restart. */
function endOfScan(bytes: Buffer, from: number): number {
  let at = bytes.indexOf(0xff, from);
  while (at >= 0) {
    const next = bytes[at + 1];
    if (next === undefined) return bytes.length;
    if (next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at;
    at = bytes.indexOf(0xff, at + (next === 0xff ? 1 : 2));
  }
  return bytes.length;
}

/** PNG, third edition, section 5: after the signature chunks of length, type, data, checksum, up to IEND. */
function pngEnds(bytes: Buffer): boolean {
  let at = 8;
  while (at + 12 <= bytes.length) {
    const next = at + 12 + bytes.readUInt32BE(at);
    if (next > bytes.length) return false;
    if (bytes.toString("latin1", at + 4, at + 8) === "IEND") return true;
    at = next;
  }
  return false;
}

/** GIF89a: header, colour table, extensions; then the first image with its blocks up to the empty one. */
function gifEnds(bytes: Buffer): boolean {
  const extension = 0x21;
  const image = 0x2c;
  const colourTable = (flags: number) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  if (bytes.length < 13) return false;
  let at = 13 + colourTable(bytes[10] as number);
  const skipBlocks = () => {
    while (at < bytes.length && bytes[at] !== 0) at += 1 + (bytes[at] as number);
    at++;
    return at <= bytes.length;
  };
  while (at < bytes.length && bytes[at] === extension) {
    at += 2;
    if (!skipBlocks()) return false;
  }
  if (bytes[at] !== image || at + 10 > bytes.length) return false;
  at += 10 + colourTable(bytes[at + 9] as number) + 1;
  return skipBlocks();
}
