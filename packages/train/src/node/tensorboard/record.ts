import { maskedCrc32c } from "./crc32c.js";

const HEADER = 12;
const FOOTER = 4;

/** A TFRecord: the length and its checksum, the data and theirs. */
export function tfRecord(data: Uint8Array): Buffer {
  const record = Buffer.alloc(HEADER + data.length + FOOTER);
  record.writeBigUInt64LE(BigInt(data.length));
  record.writeUInt32LE(maskedCrc32c(record.subarray(0, 8)), 8);
  record.set(data, HEADER);
  record.writeUInt32LE(maskedCrc32c(data), HEADER + data.length);
  return record;
}

/** The data of the records of a file and where each ends, up to the first that is not whole or has another checksum. */
export function* tfRecords(file: Buffer): Generator<{ readonly data: Buffer; readonly end: number }> {
  let start = 0;
  while (start + HEADER + FOOTER <= file.length) {
    const length = Number(file.readBigUInt64LE(start));
    const end = start + HEADER + length + FOOTER;
    if (file.readUInt32LE(start + 8) !== maskedCrc32c(file.subarray(start, start + 8)) || end > file.length)
      return;
    const data = file.subarray(start + HEADER, end - FOOTER);
    if (file.readUInt32LE(end - FOOTER) !== maskedCrc32c(data)) return;
    yield { data, end };
    start = end;
  }
}
