import { join } from "node:path";
import { stlDataset } from "../formats/stl.js";
import { defineEntry } from "./define-entry.js";
import { findRoot } from "./lists.js";

export const stl10 = defineEntry(
  {
    name: "stl-10",
    title: "STL-10",
    homepage: "https://cs.stanford.edu/~acoates/stl10/",
    licence: "not stated; the images are ImageNet's",
    citation:
      "Coates, Lee, Ng (2011), An Analysis of Single-Layer Networks in Unsupervised Feature Learning, AISTATS",
    channels: 3,
    labels: "one",
    classes: 10,
    imageSize: 96,
    parts: [
      { name: "train", images: 5_000, labelled: true },
      { name: "test", images: 8_000, labelled: true },
      {
        name: "unlabelled",
        images: 100_000,
        labelled: false,
        note: "for pretraining; of more kinds of things than the ten classes; 2.8 GB of memory",
      },
      {
        name: "train+unlabelled",
        images: 105_000,
        labelled: false,
        note: "what sit pretrain learns from; 2.9 GB of memory",
      },
    ],
    files: [
      {
        name: "stl10_binary.tar.gz",
        url: "https://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
        bytes: 2_640_397_119,
        sha256: "f31fd99273a1acb8609c8db427cebb1de3f71de77758cdc0e22956e1289b9866",
        archive: { files: 20, bytes: 3_500_000_000 },
      },
    ],
  },
  async (folder, { part, name }) => {
    const labelled = part === "train" || part === "test";
    // As the files are spelled.
    const images = part
      .split("+")
      .map((each) => (each === "unlabelled" ? "unlabeled_X.bin" : `${each}_X.bin`));
    const root = findRoot(folder, ["stl10_binary"], images[0] as string);
    return await stlDataset({
      name,
      images: images.map((file) => join(root, file)),
      ...(labelled && { labels: join(root, `${part}_y.bin`) }),
      classes: join(root, "class_names.txt"),
    });
  },
);
