import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { describeJson } from "@sitjs/core/json";
import { defineEntry } from "./define-entry.js";
import { listedImages } from "./listed-images.js";
import { findRoot, fromOne, type Row, readRows } from "./lists.js";

const site = "https://www.robots.ox.ac.uk/~vgg/data/pets";
const classCount = 37;
const columns = ["image", "class", "species", "breed"];
const lists: Readonly<Record<string, string>> = { train: "trainval.txt", test: "test.txt" };

export const oxfordPets = defineEntry(
  {
    name: "oxford-pets",
    title: "Oxford-IIIT Pets",
    homepage: `${site}/`,
    licence: "CC BY-SA 4.0",
    citation: "Parkhi, Vedaldi, Zisserman, Jawahar (2012), Cats and Dogs, CVPR",
    channels: 3,
    labels: "one",
    classes: classCount,
    parts: [
      { name: "train", images: 3_680, labelled: true, note: "the official trainval" },
      { name: "test", images: 3_669, labelled: true },
    ],
    files: [
      {
        name: "images.tar.gz",
        url: `${site}/data/images.tar.gz`,
        bytes: 791_918_971,
        sha256: "67195c5e1c01f1ab5f9b6a5d22b8c27a580d896ece458917e61d459337fa318d",
        md5: "5c4f3ee8e5d25df40f4fd59a7f44e54c",
        archive: { files: 8_500, bytes: 1_000_000_000 },
      },
      {
        name: "annotations.tar.gz",
        url: `${site}/data/annotations.tar.gz`,
        bytes: 19_173_078,
        sha256: "52425fb6de5c424942b7626b428656fcbd798db970a937df61750c0f1d358e91",
        md5: "95a8c909bbe2e81eed6a22bccdf3f68f",
        archive: { files: 25_000, bytes: 200_000_000 },
      },
    ],
  },
  async (folder, request) => {
    const root = findRoot(folder, ["oxford-iiit-pet"], "annotations/list.txt");
    const annotations = join(root, "annotations");
    const classes = classNames(await readRows(join(annotations, "list.txt"), columns));
    const rows = await readRows(join(annotations, lists[request.part] as string), columns);
    const images = rows.map(({ cells: [image, label], where }) => {
      return { file: `${image}.jpg`, label: labelOf(label, where), where };
    });
    return await listedImages(join(root, "images"), images, classes, request);
  },
);

const labelOf = (cell: string | undefined, where: string) =>
  fromOne(cell as string, classCount, "a class", where);

/** The names are only in those of the images: `american_bulldog_12` is of class American Bulldog. */
function classNames(rows: readonly Row[]): string[] {
  const names = new Map<number, string>();
  for (const { cells, where } of rows) {
    const [image = "", label] = cells;
    const breed = image.replace(/_[^_]*$/, "").replaceAll("_", " ");
    const name = breed.replace(/(^| )./g, (start) => start.toUpperCase());
    const known = names.get(labelOf(label, where));
    if (known !== undefined && known !== name) {
      const got = `${describeJson(name)} for ${describeJson(known)}`;
      throw new SitError("bad-file", `${where}: expected one name for class ${label}, got ${got}`);
    }
    names.set(labelOf(label, where), name);
  }
  return [...names].sort(([a], [b]) => a - b).map(([, name]) => name);
}
