import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { describeJson } from "@sitjs/core/json";
import { defineEntry } from "./define-entry.js";
import { type ListedImage, listedImages } from "./listed-images.js";
import { findRoot, fromOne, placesOf, type Row, readTable } from "./lists.js";

export const cub2002011 = defineEntry(
  {
    name: "cub-200-2011",
    title: "Caltech-UCSD Birds-200-2011",
    homepage: "https://www.vision.caltech.edu/datasets/cub_200_2011/",
    licence: "non-commercial research and teaching; the images are their photographers'",
    citation:
      "Wah, Branson, Welinder, Perona, Belongie (2011), The Caltech-UCSD Birds-200-2011 Dataset, CNS-TR-2011-001",
    channels: 3,
    labels: "one",
    classes: 200,
    parts: [
      { name: "train", images: 5_994, labelled: true },
      { name: "test", images: 5_794, labelled: true },
    ],
    files: [
      {
        name: "CUB_200_2011.tgz",
        url: "https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz",
        bytes: 1_150_585_339,
        sha256: "0c685df5597a8b24909f6a7c9db6d11e008733779a671760afef78feb49bf081",
        md5: "97eceeb196236b17998738112f37df78",
        archive: { files: 15_000, bytes: 2_000_000_000 },
      },
    ],
  },
  async (folder, request) => {
    const root = findRoot(folder, ["CUB_200_2011"], "images.txt");
    const list = (file: string) => join(root, file);
    const names = await readTable(list("classes.txt"), ["class", "name"]);
    const files = await readTable(list("images.txt"), ["image", "file"]);
    const labels = await readTable(list("image_class_labels.txt"), ["image", "class"]);
    const training = await readTable(list("train_test_split.txt"), ["image", "0 or 1"]);
    const classes = [...names.values()].map(({ cells: [name = ""] }) => className(name));
    placesOf(classes, list("classes.txt"));
    const images: ListedImage[] = [];
    for (const [id, { cells, where }] of files) {
      const [file = ""] = cells;
      const split = entryOf(training, id, list("train_test_split.txt"), where);
      const [train] = split.cells;
      if (train !== "0" && train !== "1") {
        throw new SitError("bad-file", `${split.where}: expected 0 or 1, got ${describeJson(train)}`);
      }
      if ((train === "1") !== (request.part === "train")) continue;
      const label = entryOf(labels, id, list("image_class_labels.txt"), where);
      const place = fromOne(label.cells[0] as string, classes.length, "a class", label.where);
      images.push({ file, label: place, where });
    }
    return await listedImages(join(root, "images"), images, classes, request);
  },
);

/** `001.Black_footed_Albatross` is Black footed Albatross. */
function className(name: string): string {
  return name.replace(/^\d+\./, "").replaceAll("_", " ");
}

function entryOf(table: ReadonlyMap<string, Row>, id: string, source: string, where: string): Row {
  const row = table.get(id);
  if (row !== undefined) return row;
  throw new SitError(
    "bad-file",
    `${source}: expected a line for image ${describeJson(id)} of ${where}, got none`,
  );
}
