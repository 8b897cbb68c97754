import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { npyHeader } from "../../../packages/eval/src/node/npy.js";
import { readEmbeddings, type SavedEmbeddings } from "../../../packages/eval/src/node/read-embeddings.js";
import { numpyNames } from "../../../packages/eval/src/node/write-numpy.js";
import { mutateBytes } from "../mutate/bytes.js";
import { mutateJson } from "../mutate/json.js";
import { mutateText } from "../mutate/text.js";
import type { Target } from "../target.js";
import { checkEmbeddings } from "./parquet.js";

const rows = 3;
const size = 2;
const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"));
const join2 = (...parts: Uint8Array[]) => Uint8Array.from(Buffer.concat(parts));

/** The three files of a folder of embeddings. */
const files = {
  embeddings: join2(
    npyHeader("<f4", [rows, size]),
    new Uint8Array(Float32Array.from({ length: rows * size }, (_, i) => i).buffer),
  ),
  labels: join2(npyHeader("<i4", [rows]), new Uint8Array(Int32Array.of(0, 1, -1).buffer)),
  images: bytesOf(
    JSON.stringify({
      classes: ["cat", "dog"],
      about: { seed: 0 },
      images: ["a.png", "b.png", "c.png"].map((file) => ({ file, split: "train" })),
    }),
  ),
};
const kinds = ["embeddings", "labels", "images"] as const;

const tokens = [
  ...["(", ")", ",", "'", "{", "}", "'shape': ", "'descr': '<f4'", "'fortran_order': True", "\\x93"],
  ...["'|O'", "0", "-1", "1e9", "18446744073709551615", " ", "\n", "\0"],
];

let folder = "";

/** Arrays with the names beside them; a first byte says which of the three files the rest is. */
export const numpyEmbeddings: Target<SavedEmbeddings> = {
  name: "npy embeddings",
  corpus: () => kinds.map((kind, i) => join2(Uint8Array.of(i), files[kind])),
  mutate(file, rng, corpus) {
    const kind = file[0] as number;
    const content = file.subarray(1);
    const sort = rng.chance(0.3) ? "bytes" : kind === 2 ? "json" : "header";
    if (sort === "bytes") return join2(Uint8Array.of(kind), mutateBytes(content, rng, corpus));
    if (sort === "json")
      return join2(Uint8Array.of(kind), bytesOf(mutateJson(Buffer.from(content).toString(), rng)));
    const text = Buffer.from(content).toString("latin1", 10, 128);
    const header = Buffer.from(mutateText(text, rng, tokens)).subarray(0, 2 ** 16 - 1);
    const start = Buffer.from(content.subarray(0, 10));
    start.writeUInt16LE(header.length, 8);
    return join2(Uint8Array.of(kind), start, header, content.subarray(128));
  },
  get source() {
    return folder;
  },
  codes: ["bad-file"],
  open(scratch) {
    folder = join(scratch, "embeddings");
    mkdirSync(folder, { recursive: true });
  },
  parse(file) {
    const changed = kinds[file[0] as number] as (typeof kinds)[number];
    for (const kind of kinds)
      writeFileSync(join(folder, numpyNames[kind]), kind === changed ? file.subarray(1) : files[kind]);
    return readEmbeddings(folder, (total) => Array.from({ length: Math.min(total, 100) }, (_, i) => i));
  },
  check: checkEmbeddings,
  share: 0.4,
};
