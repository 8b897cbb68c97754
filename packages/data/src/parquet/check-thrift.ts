import { readVarint } from "./varint.js";

/** Structs in structs, deeper than any description of a table. */
const deepest = 24;

/** https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md */
const kinds = {
  stop: 0,
  yes: 1,
  no: 2,
  byte: 3,
  int16: 4,
  int32: 5,
  int64: 6,
  double: 7,
  binary: 8,
  list: 9,
  struct: 12,
};

/**
 * Walks over one struct of Thrift's compact protocol before it is decoded: a decoder makes room for as many members as a
 * list claims, and a list of a few bytes can claim any number.
 * @returns where the struct ends
 * @throws Error saying what is wrong
 */
export function checkThrift(view: DataView, start: number): number {
  const cursor = { view, at: start };
  const byte = () => view.getUint8(cursor.at++);
  const varint = () => readVarint(cursor, 10);
  const left = () => view.byteLength - cursor.at;
  const skip = (count: number) => {
    if (count > left())
      throw new Error(`a claim of ${count} bytes or members where ${left()} bytes are left`);
    cursor.at += count;
  };
  const element = (kind: number, depth: number): void => {
    if (kind === kinds.byte) skip(1);
    else if (kind === kinds.int16 || kind === kinds.int32 || kind === kinds.int64) varint();
    else if (kind === kinds.double) skip(8);
    else if (kind === kinds.binary) skip(varint());
    else if (kind === kinds.list) list(depth);
    else if (kind === kinds.struct) struct(depth + 1);
    else throw new Error(`a field of Thrift's kind ${kind}`);
  };
  const list = (depth: number): void => {
    const head = byte();
    const count = head >> 4 === 15 ? varint() : head >> 4;
    const kind = (head & 0xf) === kinds.yes || (head & 0xf) === kinds.no ? kinds.byte : head & 0xf;
    // Each member takes a byte at least.
    if (count > left()) skip(count);
    if (depth > deepest) throw new Error(`lists in each other, more than ${deepest} deep`);
    for (let i = 0; i < count; i++) element(kind, depth + 1);
  };
  const struct = (depth: number): void => {
    if (depth > deepest) throw new Error(`structs in each other, more than ${deepest} deep`);
    for (;;) {
      const head = byte();
      const kind = head & 0xf;
      if (kind === kinds.stop) return;
      if (head >> 4 === 0) varint();
      if (kind !== kinds.yes && kind !== kinds.no) element(kind, depth);
    }
  };
  struct(0);
  return cursor.at;
}
