import { join } from "node:path";
import { readMat } from "../formats/mat/read.js";
import { defineEntry } from "./define-entry.js";
import { flowers102Classes } from "./flowers-102-classes.js";
import { listedImages } from "./listed-images.js";
import { findRoot, fromOne } from "./lists.js";
import { matNumbers } from "./mat-columns.js";

const site = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102";
/** The variables of setid.mat. */
const lists: Readonly<Record<string, readonly string[]>> = {
  train: ["trnid"],
  val: ["valid"],
  trainval: ["trnid", "valid"],
  test: ["tstid"],
};

export const flowers102 = defineEntry(
  {
    name: "flowers-102",
    title: "Oxford 102 Flowers",
    homepage: `${site}/`,
    licence: "not stated",
    citation:
      "Nilsback, Zisserman (2008), Automated Flower Classification over a Large Number of Classes, ICVGIP",
    channels: 3,
    labels: "one",
    classes: 102,
    parts: [
      { name: "train", images: 1_020, labelled: true },
      { name: "val", images: 1_020, labelled: true },
      { name: "trainval", images: 2_040, labelled: true, note: "train and val together" },
      { name: "test", images: 6_149, labelled: true },
    ],
    files: [
      {
        name: "102flowers.tgz",
        url: `${site}/102flowers.tgz`,
        bytes: 344_862_509,
        sha256: "2d01ecc807db462958cfe3d92f57a8c252b4abd240eb955770201e45f783b246",
        md5: "52808999861908f626f3c1f4e79d11fa",
        archive: { files: 9_000, bytes: 400_000_000 },
      },
      {
        name: "imagelabels.mat",
        url: `${site}/imagelabels.mat`,
        bytes: 502,
        sha256: "4903e94206bac23bf772aadf06451916df56b58fc483a62db32a97b82656651d",
        md5: "e0620be6f572b9609742df49c70aed4d",
      },
      {
        name: "setid.mat",
        url: `${site}/setid.mat`,
        bytes: 14_989,
        sha256: "46b8678f91fd95d3c8f4feab80d271a6c834a1dd896fe29fd3e6ad9ce5c8dccd",
        md5: "a5357ecc9cb78c4bef273ce3793fc85c",
      },
    ],
  },
  async (folder, request) => {
    const root = findRoot(folder, ["flowers-102"], "imagelabels.mat");
    const [labelFile, setFile] = [join(root, "imagelabels.mat"), join(root, "setid.mat")];
    const labels = matNumbers(await readMat(labelFile, ["labels"]), "labels", labelFile);
    const variables = lists[request.part] as readonly string[];
    const sets = await readMat(setFile, variables);
    const images = variables.flatMap((variable) => {
      return Array.from(matNumbers(sets, variable, setFile), (id, i) => {
        const where = `${setFile}: ${variable}(${i + 1})`;
        const image = fromOne(id, labels.length, "an image", where);
        const labelled = `${labelFile}: labels(${id})`;
        const label = fromOne(labels[image] as number, 102, "a class", labelled);
        return { file: `image_${String(id).padStart(5, "0")}.jpg`, label, where };
      });
    });
    return await listedImages(join(root, "jpg"), images, flowers102Classes, request);
  },
);
