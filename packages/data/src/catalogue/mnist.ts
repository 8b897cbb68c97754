import { existsSync } from "node:fs";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { idxDataset } from "../idx-dataset.js";
import { defineEntry } from "./define-entry.js";

const mirror = "https://storage.googleapis.com/cvdf-datasets/mnist";
const prefixes: Readonly<Record<string, string>> = { train: "train", test: "t10k" };

export const mnist = defineEntry(
  {
    name: "mnist",
    title: "MNIST",
    homepage: "https://yann.lecun.com/exdb/mnist/",
    licence: "not stated by its makers; others name CC BY-SA 3.0",
    citation:
      "LeCun, Bottou, Bengio, Haffner (1998), Gradient-based learning applied to document recognition, Proceedings of the IEEE 86",
    channels: 1,
    labels: "one",
    classes: 10,
    imageSize: 28,
    parts: [
      { name: "train", images: 60_000, labelled: true },
      { name: "test", images: 10_000, labelled: true },
    ],
    // The makers' own site refuses most downloads; this copy has the same sums.
    files: [
      {
        name: "train-images-idx3-ubyte.gz",
        url: `${mirror}/train-images-idx3-ubyte.gz`,
        bytes: 9_912_422,
        sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        md5: "f68b3c2dcbeaaa9fbdd348bbdeb94873",
      },
      {
        name: "train-labels-idx1-ubyte.gz",
        url: `${mirror}/train-labels-idx1-ubyte.gz`,
        bytes: 28_881,
        sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        md5: "d53e105ee54ea40749a09fcbcd1e9432",
      },
      {
        name: "t10k-images-idx3-ubyte.gz",
        url: `${mirror}/t10k-images-idx3-ubyte.gz`,
        bytes: 1_648_877,
        sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        md5: "9fb629c4189551a2d022fa330f9573f3",
      },
      {
        name: "t10k-labels-idx1-ubyte.gz",
        url: `${mirror}/t10k-labels-idx1-ubyte.gz`,
        bytes: 4_542,
        sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        md5: "ec29112dd5afa0611ce80d1b7f02629c",
      },
    ],
  },
  async (folder, { part, name }) => {
    const prefix = prefixes[part] as string;
    return await idxDataset({
      name,
      images: plainOrGzip(folder, `${prefix}-images-idx3-ubyte`),
      labels: plainOrGzip(folder, `${prefix}-labels-idx1-ubyte`),
      classes: Array.from({ length: 10 }, (_, digit) => String(digit)),
    });
  },
);

function plainOrGzip(folder: string, file: string): string {
  const found = [`${file}.gz`, file].map((name) => join(folder, name)).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new SitError("missing-file", `${folder}: expected ${file}.gz or ${file} in it, got neither`);
}
