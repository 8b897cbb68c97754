import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { datasetCache } from "../cache.js";
import { officialPins } from "../cifar-10/files.js";
import { cifar10 } from "../cifar-10/index.js";
import { folderInArchive } from "../cifar-10/site.js";
import type { CatalogueEntry } from "./entry.js";
import { requirePart } from "./require-part.js";

const parts = [
  { name: "train", images: 50_000, labelled: true },
  { name: "test", images: 10_000, labelled: true },
] as const;
const { archive, files } = officialPins;

export const cifar10Entry: CatalogueEntry = {
  name: "cifar-10",
  title: "CIFAR-10",
  homepage: "https://www.cs.toronto.edu/~kriz/cifar.html",
  licence: "not stated; a report to cite",
  citation: "Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
  channels: 3,
  labels: "one",
  classes: 10,
  imageSize: 32,
  parts,
  files: [{ name: basename(archive.url), ...archive, archive: { files: 8, bytes: 200_000_000 } }],
  open: async (folder, { part }) => {
    const unpacked = join(folder, folderInArchive);
    return await cifar10({
      split: requirePart(parts, part),
      folder: existsSync(unpacked) ? unpacked : folder,
    });
  },
  ownSources: {
    isHere: (cacheDir) =>
      [...files.train, ...files.test].every(({ name }) =>
        existsSync(join(datasetCache(cacheDir), "cifar-10", name)),
      ),
    open: async ({ part, ...how }) => await cifar10({ split: requirePart(parts, part), ...how }),
  },
};
