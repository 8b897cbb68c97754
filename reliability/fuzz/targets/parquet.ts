import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RandomStream } from "@sitjs/core/random";
import { imageColumns } from "../../../packages/data/src/parquet/columns.js";
import { type TableLabels, tableLabels } from "../../../packages/data/src/parquet/labels.js";
import { openTable } from "../../../packages/data/src/parquet/table.js";
import { type Unpacked, unpackTables } from "../../../packages/data/src/parquet/unpack.js";
import { readEmbeddings, type SavedEmbeddings } from "../../../packages/eval/src/node/read-embeddings.js";
import { parquetBytes } from "../../../packages/eval/src/node/write-parquet.js";
import { mutateBytes } from "../mutate/bytes.js";
import { promise, type Target } from "../target.js";

let path = "";

/** Half of the files have a changed description at their end, of the right length; the others any bytes changed. */
function mutate(file: Uint8Array, rng: RandomStream, corpus: readonly Uint8Array[]): Uint8Array {
  if (rng.chance(0.4)) return mutateBytes(file, rng, corpus);
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const start = file.length - 8 - view.getUint32(file.length - 8, true);
  const footer = file.subarray(start, file.length - 8);
  const pages = file.subarray(0, start);
  const inFooter = rng.chance(0.6);
  const changed = inFooter ? mutateBytes(footer, rng, [footer]) : footer;
  const body = inFooter ? pages : mutateBytes(pages, rng, [pages]);
  const end = Buffer.from("\0\0\0\0PAR1", "latin1");
  end.writeUInt32LE(changed.length);
  return Uint8Array.from(Buffer.concat([body, changed, end]));
}

const common = {
  mutate,
  codes: ["bad-file"],
  get source() {
    return path;
  },
  open(scratch: string) {
    mkdirSync(scratch, { recursive: true });
    path = join(scratch, "some.parquet");
  },
} as const;

interface Images {
  readonly unpacked: Unpacked;
  readonly bytes: number;
  readonly labelled: TableLabels | undefined;
}

const fixtures = [
  ...["plain", "snappy", "gzip", "zstd", "brotli", "lz4", "dictionary", "nulls", "unlabelled"],
  "no-rows",
];

/** Images and labels of a table, as far as their bytes: these are another parser's. */
export const parquetImages: Target<Images> = {
  ...common,
  name: "parquet images",
  get source() {
    return path;
  },
  corpus: () => fixtures.map((name) => Uint8Array.from(readFileSync(`fixtures/parquet/${name}.parquet`))),
  async parse(file) {
    writeFileSync(path, file);
    const table = await openTable(path);
    try {
      const columns = imageColumns(table, {});
      let bytes = 0;
      const write = (image: Uint8Array) => {
        bytes += image.length;
      };
      const unpacked = await unpackTables([{ table, name: path, columns }], { write });
      const { labels: values, names, problemLabels: leftOut } = unpacked;
      const labelled = tableLabels({ values, names, leftOut, own: columns.classes, wanted: undefined });
      return { unpacked, bytes, labelled };
    } finally {
      await table.close();
    }
  },
  check({ unpacked: { names, ranges }, bytes, labelled }) {
    promise(ranges.length === 2 * names.length, "a range for each image");
    for (let i = 0; i < ranges.length; i += 2)
      promise((ranges[i] as number) + (ranges[i + 1] as number) <= bytes, "images within the bytes");
    if (labelled === undefined) return;
    const { labels, classes } = labelled;
    promise(labels.length === names.length, "a label for each image");
    promise(
      labels.every((label) => label >= 0 && label < classes.length),
      "labels that are classes",
    );
  },
  // Libraries that unpack pages have their own memory, of a fixed size; a page may be of one value a thousand times.
  allowed: (size) => 2000 * size + 2 ** 24,
  share: 0.25,
};

async function written(rows: number, size: number, classes: readonly string[] | undefined) {
  const parts: Uint8Array[] = [];
  async function* all() {
    yield {
      files: Array.from({ length: rows }, (_, i) => `${i}.png`),
      split: "train",
      labels: Int32Array.from({ length: rows }, (_, i) => (i % 4) - 1),
      features: Float32Array.from({ length: rows * size }, (_, i) => i / 8),
      size,
    };
  }
  for await (const part of parquetBytes(all(), { classes, about: { seed: 0 } })) parts.push(part.slice());
  return Uint8Array.from(Buffer.concat(parts));
}

const embeddingFiles = [await written(5, 3, ["cat", "dog", "bird"]), await written(40, 2, undefined)];

/** Vectors, labels and names of a table, as we write it and as others do. */
export const parquetEmbeddings: Target<SavedEmbeddings> = {
  ...common,
  name: "parquet embeddings",
  get source() {
    return path;
  },
  corpus: () => embeddingFiles,
  async parse(file) {
    writeFileSync(path, file);
    const table = await openTable(path);
    try {
      return await readEmbeddings(table, (total) =>
        Array.from({ length: Math.min(total, 1000) }, (_, i) => i),
      );
    } finally {
      await table.close();
    }
  },
  check: checkEmbeddings,
  allowed: (size) => 2000 * size + 2 ** 24,
  share: 0.25,
};

export function checkEmbeddings({ features, size, labels, files, classes }: SavedEmbeddings): void {
  promise(
    features.length === size * labels.length && files.length === labels.length,
    "a vector for each name",
  );
  promise(
    files.every((file) => typeof file === "string"),
    "names that are texts",
  );
  if (classes === undefined) return;
  promise(
    classes.every((name) => typeof name === "string"),
    "names of classes that are texts",
  );
  promise(
    labels.every((label) => label >= -1 && label < classes.length),
    "labels that are classes, or none",
  );
}
