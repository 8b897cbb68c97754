import { readFileSync } from "node:fs";
import { deflateSync } from "node:zlib";
import { parseMat } from "../../../packages/data/src/formats/mat/read.js";
import type { MatValue } from "../../../packages/data/src/formats/mat/values.js";
import { mutateBytes } from "../mutate/bytes.js";
import { promise, type Target } from "../target.js";

type Variables = Map<string, MatValue>;

const headerBytes = 128;
const fixture = (path: string) => Uint8Array.from(readFileSync(`fixtures/${path}`));
const plain = () => fixture("mat/values.mat");

/** A file with only one of the variables, which are all uncompressed. */
function single(file: Uint8Array, wanted: number): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset);
  let at = headerBytes;
  for (let i = 0; i < wanted; i++) at += 8 + view.getUint32(at + 4, true);
  const end = at + 8 + view.getUint32(at + 4, true);
  return Uint8Array.from(Buffer.concat([file.subarray(0, headerBytes), file.subarray(at, end)]));
}

function compressed(file: Uint8Array): Uint8Array {
  const content = deflateSync(file.subarray(headerBytes), { level: 1 });
  const tag = Buffer.alloc(8);
  tag.writeUInt32LE(15, 0);
  tag.writeUInt32LE(content.length, 4);
  return Uint8Array.from(Buffer.concat([file.subarray(0, headerBytes), tag, content]));
}

function checkValue(value: MatValue): void {
  const { shape } = value;
  promise(
    shape.length >= 2 && shape.every((n) => Number.isInteger(n) && n >= 0),
    "sizes that are whole numbers",
  );
  const count = shape.reduce((product, n) => product * n, 1);
  if (value.kind === "numbers") promise(value.data.length === count, "as many numbers as the sizes say");
  else if (value.kind === "cells") {
    promise(value.cells.length === count, "as many cells as the sizes say");
    value.cells.forEach(checkValue);
  } else if (value.kind === "structs") {
    for (const column of value.fields.values()) {
      promise(column.length === count, "a value of each field in each struct");
      column.forEach(checkValue);
    }
  } else promise(value.rows.length === (count === 0 ? 0 : shape[0]), "a text for each row");
}

const shared = {
  source: "some.mat",
  codes: ["bad-file"],
  parse: (file) => parseMat(file, { name: "some.mat", maximumBytes: 2 ** 20 }),
  check: (variables) => variables.forEach(checkValue),
} as const satisfies Partial<Target<Variables>>;

export const mat: Target<Variables> = {
  ...shared,
  name: "mat",
  corpus: () => [
    plain(),
    ...Array.from({ length: 18 }, (_, i) => single(plain(), i)),
    fixture("data-sets/flowers-102/setid.mat"),
  ],
  mutate: mutateBytes,
};

/** What is compressed is changed before, so that most changes are not found by the checksum. */
export const compressedMat: Target<Variables> = {
  ...shared,
  name: "compressed mat",
  corpus: () => [fixture("mat/compressed.mat"), fixture("data-sets/flowers-102/imagelabels.mat")],
  mutate: (file, rng, corpus) =>
    rng.chance(0.2)
      ? mutateBytes(file, rng, corpus)
      : compressed(mutateBytes(single(plain(), rng.integer(0, 18)), rng, [plain()])),
  // Deflate makes at most 1,032 bytes of one, of which each may become a number.
  allowed: (size) => Math.min(1032 * size, 2 ** 20) * 10 + 200 * size + 2 ** 20,
};
