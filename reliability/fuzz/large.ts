// Valid and half-valid files of any size, each with what a slow parser would stumble over: node reliability/growth.mjs
import { zip } from "../../fixtures/archives.js";
import type { AnyTarget } from "./target.js";
import { coco, csv, csvOneHot, csvSeparated, json, voc } from "./targets/annotations.js";
import { zipArchive } from "./targets/archives.js";
import { columnList } from "./targets/lists.js";
import { mat } from "./targets/mat.js";
import { history } from "./targets/run-files.js";
import { reportJson } from "./targets/runs.js";
import { lazySafetensors, safetensors } from "./targets/safetensors.js";
import { pickle } from "./targets/torch.js";

/** A kind of large file for one parser. */
export interface Large {
  readonly target: AnyTarget;
  readonly what: string;
  /** About so many bytes. */
  readonly make: (bytes: number) => Uint8Array;
}

const bytesOf = (...parts: string[]) => Uint8Array.from(Buffer.from(parts.join("")));
/** So many pieces as fill the bytes. */
const filled = (bytes: number, piece: (i: number) => string, between = ""): string => {
  const parts: string[] = [];
  for (let [size, i] = [0, 0]; size < bytes; i++) {
    const part = piece(i);
    parts.push(part);
    size += part.length + between.length;
  }
  return parts.join(between);
};
const voced = (content: string) =>
  bytesOf("<annotation><filename>a.jpg</filename>", content, "</annotation>");

/** Pickles: opcodes once, some again and again, some at the end. */
const opcodes = (
  bytes: number,
  before: readonly number[],
  repeated: readonly number[],
  after: readonly number[],
) => {
  const times = Math.floor(bytes / repeated.length);
  const file = new Uint8Array(before.length + times * repeated.length + after.length);
  file.set(before);
  for (let i = 0; i < times; i++) file.set(repeated, before.length + i * repeated.length);
  file.set(after, before.length + times * repeated.length);
  return file;
};
const start = [0x80, 2];

function tensors(bytes: number): Uint8Array {
  const text = filled(bytes, (i) => `"t${i}":{"dtype":"U8","shape":[1],"data_offsets":[${i},${i + 1}]}`, ",");
  const header = Buffer.from(`{${text}}`);
  const first = Buffer.alloc(8);
  first.writeBigUInt64LE(BigInt(header.length));
  return Uint8Array.from(Buffer.concat([first, header, Buffer.alloc(text.split('"dtype"').length - 1)]));
}

/** A cell array of empty cells. */
function cells(bytes: number): Uint8Array {
  const count = Math.floor(bytes / 8);
  const file = Buffer.alloc(128 + 8 + 40 + 8 * count);
  file.write("\x00\x01IM", 124, "latin1");
  const words = [14, 40 + 8 * count, 6, 8, 1, 0, 5, 8, 1, count, 0x0001_0001, 97];
  words.forEach((word, i) => {
    file.writeUInt32LE(word, 128 + 4 * i);
  });
  for (let at = 128 + 8 + 40; at < file.length; at += 8) file.writeUInt32LE(14, at);
  return Uint8Array.from(file);
}

const step = (i: number) =>
  `${JSON.stringify({ step: i, epoch: 0, learningRate: 1, imagesPerSecond: 1, seconds: i, gradientNorm: 1, loss: 1 })}\n`;

export const large: readonly Large[] = [
  { target: csv, what: "one long line", make: (n) => bytesOf("file,label\n", "a".repeat(n), ",x\n") },
  {
    target: csv,
    what: "many lines",
    make: (n) =>
      bytesOf(
        "file,label\n",
        filled(n, (i) => `${i}.jpg,l${i % 9}\n`),
      ),
  },
  { target: csv, what: "a quote without end", make: (n) => bytesOf('file,label\n"', "a".repeat(n)) },
  {
    target: csvOneHot,
    what: "many columns",
    make: (n) => {
      const names = filled(n / 2, (i) => `c${i}`, ",");
      return bytesOf("file,", names, "\na.jpg", ",0".repeat(names.split(",").length), "\n");
    },
  },
  {
    target: csvSeparated,
    what: "many labels",
    make: (n) =>
      bytesOf(
        'file,label\na.jpg,"',
        filled(n, (i) => `l${i}`, "|"),
        '"\n',
      ),
  },
  {
    target: json,
    what: "many images",
    make: (n) =>
      bytesOf(
        "{",
        filled(n, (i) => `"${i}.jpg":"dog"`, ","),
        "}",
      ),
  },
  { target: json, what: "lists in each other", make: (n) => bytesOf("[".repeat(n / 2), "]".repeat(n / 2)) },
  {
    target: json,
    what: "objects in each other",
    make: (n) => bytesOf('{"a":'.repeat(n / 6), "1", "}".repeat(n / 6)),
  },
  {
    target: coco,
    what: "many annotations of one image",
    make: (n) =>
      bytesOf(
        '{"images":[{"id":1,"file_name":"a"}],"categories":[{"id":1,"name":"c"}],"annotations":[',
        filled(n, () => '{"image_id":1,"category_id":1}', ","),
        "]}",
      ),
  },
  {
    target: voc,
    what: "many objects",
    make: (n) => voced(filled(n, (i) => `<object><name>d${i % 20}</name></object>`)),
  },
  { target: voc, what: "many references", make: (n) => voced(`<x>${"&amp;b".repeat(n / 6)}</x>`) },
  { target: voc, what: "many attributes", make: (n) => voced(`<x ${filled(n, (i) => `a${i}="1"`, " ")}/>`) },
  {
    target: reportJson,
    what: "many warnings",
    make: (n) =>
      bytesOf(
        '{"title":"t","warnings":[',
        filled(n, () => '"slow"', ","),
        "]}",
      ),
  },
  { target: safetensors, what: "many tensors", make: tensors },
  {
    target: lazySafetensors,
    what: "many bytes",
    make: (n) => {
      const header = Buffer.from(`{"t":{"dtype":"U8","shape":[${n}],"data_offsets":[0,${n}]}}`);
      const first = Buffer.alloc(8);
      first.writeBigUInt64LE(BigInt(header.length));
      return Uint8Array.from(Buffer.concat([first, header, Buffer.alloc(n)]));
    },
  },
  { target: pickle, what: "tuples in each other", make: (n) => opcodes(n, [...start, 0x29], [0x85], [0x2e]) },
  { target: pickle, what: "marks", make: (n) => opcodes(n, start, [0x28], [0x2e]) },
  {
    target: pickle,
    what: "a long list",
    make: (n) => opcodes(n, [...start, 0x5d, 0x28], [0x4e], [0x65, 0x2e]),
  },
  {
    target: pickle,
    what: "a text doubled again and again",
    make: (n) =>
      opcodes(
        n,
        [...start, 0x8c, 4, 97, 97, 97, 97, 0x71, 0, 0x30],
        [...Buffer.from("cpathlib\nPosixPath\n"), 0x68, 0, 0x68, 0, 0x86, 0x52, 0x71, 0, 0x30],
        [0x4e, 0x2e],
      ),
  },
  { target: mat, what: "many cells", make: cells },
  { target: columnList, what: "many lines", make: (n) => bytesOf(filled(n, (i) => `${i} ${i}.jpg\n`)) },
  { target: history, what: "many steps", make: (n) => bytesOf(filled(n, step)) },
  {
    target: zipArchive,
    what: "more entries than allowed",
    make: (n) =>
      Uint8Array.from(zip(Array.from({ length: Math.min(65_535, n / 120) }, (_, i) => ({ name: `${i}` })))),
  },
];
