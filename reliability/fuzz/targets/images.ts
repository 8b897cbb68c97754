import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import {
  type CifarArrays,
  type CifarKind,
  formatIdx,
  type IdxArray,
  parseCifar,
  parseIdx,
  parseStlImages,
  parseStlLabels,
} from "@sitjs/data";
import { uncompress } from "../../../packages/data/src/idx-dataset.js";
import { mutateBytes } from "../mutate/bytes.js";
import { promise, type Target } from "../target.js";

const codes = ["bad-file"] as const;
const fixture = (name: string) => Uint8Array.from(readFileSync(`fixtures/binary-images/${name}`));
const ramp = (length: number) => Uint8Array.from({ length }, (_, i) => i);

const idxFiles = () =>
  [[4], [2, 3], [2, 3, 3], [1, 2, 2, 3]].map((shape) =>
    formatIdx({ shape, data: ramp(shape.reduce((product, side) => product * side, 1)) }),
  );

function checkIdx({ shape, data }: IdxArray): void {
  promise(shape.length >= 1 && shape.length <= 4, "1 to 4 dimensions");
  promise(
    data.length === shape.reduce((product, side) => product * side, 1),
    "as many bytes as the shape says",
  );
}

export const idx: Target<IdxArray> = {
  name: "idx",
  corpus: idxFiles,
  mutate: mutateBytes,
  source: "some.idx",
  codes,
  parse: (file) => parseIdx(file, "some.idx"),
  check(value, file) {
    checkIdx(value);
    promise(Buffer.compare(formatIdx(value), file) === 0, "the same file when it is written again");
  },
};

export const compressedIdx: Target<IdxArray> = {
  name: "idx, compressed",
  corpus: () =>
    [...idxFiles(), formatIdx({ shape: [60_000], data: new Uint8Array(60_000) })].map((file) =>
      gzipSync(file),
    ),
  mutate: mutateBytes,
  source: "some.idx.gz",
  codes,
  parse: async (file) => parseIdx(await uncompress(file, "some.idx.gz"), "some.idx.gz"),
  check: checkIdx,
  // Deflate makes at most 1,032 bytes of one, and the pieces are put together in a second array.
  allowed: (size) => 2 * 1032 * size + 2 ** 20,
};

const cifar = (kind: CifarKind): Target<CifarArrays> => ({
  name: `cifar-${kind}`,
  corpus() {
    const record = 3072 + (kind === 10 ? 1 : 2);
    const file = fixture(`cifar-${kind}.bin`);
    return [file.slice(0, record), file.slice(record)];
  },
  mutate: mutateBytes,
  source: "some.bin",
  codes,
  parse: (file) => parseCifar(file, { kind, name: "some.bin" }),
  check({ pixels, labels, coarseLabels }, file) {
    promise(pixels.length === labels.length * 3072, "3,072 values an image");
    promise(
      labels.every((label) => label < kind),
      "labels that are classes",
    );
    promise(
      (coarseLabels ?? new Uint8Array(0)).every((label) => label < 20),
      "coarse labels that are classes",
    );
    const labelBytes = labels.length + (coarseLabels?.length ?? 0);
    promise(pixels.length + labelBytes === file.length, "every byte of the file");
  },
});
export const cifar10 = cifar(10);
export const cifar100 = cifar(100);

export const stlImages: Target<Uint8Array> = {
  name: "stl images",
  corpus: () => [fixture("stl-10-images.bin").slice(0, 27_648)],
  mutate: mutateBytes,
  source: "some.bin",
  codes,
  parse: (file) => parseStlImages(file, "some.bin"),
  check: (pixels, file) => promise(pixels.length === file.length, "every byte of the file"),
};

export const stlLabels: Target<Uint8Array> = {
  name: "stl labels",
  corpus: () => [fixture("stl-10-labels.bin"), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)],
  mutate: mutateBytes,
  source: "some.bin",
  codes,
  parse: (file) => parseStlLabels(file, "some.bin"),
  check(labels, file) {
    promise(labels.length === file.length && labels.every((label) => label < 10), "a class for each byte");
  },
};
