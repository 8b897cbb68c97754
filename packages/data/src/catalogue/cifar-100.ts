import { join } from "node:path";
import { cifarDataset } from "../formats/cifar.js";
import { defineEntry } from "./define-entry.js";
import { findRoot } from "./lists.js";

export const cifar100 = defineEntry(
  {
    name: "cifar-100",
    title: "CIFAR-100",
    homepage: "https://www.cs.toronto.edu/~kriz/cifar.html",
    licence: "not stated",
    citation: "Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images",
    channels: 3,
    labels: "one",
    classes: 100,
    imageSize: 32,
    parts: [
      { name: "train", images: 50_000, labelled: true },
      { name: "test", images: 10_000, labelled: true },
    ],
    files: [
      {
        name: "cifar-100-binary.tar.gz",
        url: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
        bytes: 168_513_733,
        sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        archive: { files: 20, bytes: 200_000_000 },
      },
    ],
  },
  async (folder, { part, name }) => {
    const root = findRoot(folder, ["cifar-100-binary"], `${part}.bin`);
    const classes = join(root, "fine_label_names.txt");
    return await cifarDataset({ kind: 100, files: [join(root, `${part}.bin`)], name, classes });
  },
);
