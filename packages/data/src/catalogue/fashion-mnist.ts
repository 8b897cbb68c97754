import { existsSync } from "node:fs";
import { join } from "node:path";
import { datasetCache } from "../cache.js";
import { debianFolder } from "../fashion-mnist/folder.js";
import { cachedFolders, fashionMnist } from "../fashion-mnist/index.js";
import { siteFiles } from "../fashion-mnist/site.js";
import type { CatalogueEntry } from "./entry.js";
import { requirePart } from "./require-part.js";

const parts = [
  { name: "train", images: 60_000, labelled: true },
  { name: "test", images: 10_000, labelled: true },
] as const;

export const fashionMnistEntry: CatalogueEntry = {
  name: "fashion-mnist",
  title: "Fashion-MNIST",
  homepage: "https://github.com/zalandoresearch/fashion-mnist",
  licence: "MIT",
  citation: "Xiao, Rasul and Vollgraf, Fashion-MNIST, 2017, arXiv:1708.07747",
  channels: 1,
  labels: "one",
  classes: 10,
  imageSize: 28,
  parts,
  files: siteFiles,
  open: async (folder, { part }) => await fashionMnist({ split: requirePart(parts, part), folder }),
  ownSources: {
    isHere: (cacheDir) =>
      [debianFolder, ...cachedFolders.map((name) => join(datasetCache(cacheDir), name))].some((folder) =>
        ["train", "t10k"].every((part) => isThere(folder, `${part}-images-idx3-ubyte`)),
      ),
    open: async ({ part, ...how }) => await fashionMnist({ split: requirePart(parts, part), ...how }),
  },
};

const isThere = (folder: string, name: string) =>
  existsSync(join(folder, name)) || existsSync(join(folder, `${name}.gz`));
