import { join } from "node:path";
import { printable, SitError } from "@sitjs/core/errors";
import { byCodeUnits, scanFolder } from "../folder-scan.js";
import { imageExtensions } from "../image-folder.js";
import { nameProblems } from "../problems.js";
import { defineEntry } from "./define-entry.js";
import { listedImages } from "./listed-images.js";
import { findRoot, placeOf, placesOf, readRows } from "./lists.js";
import { synsetNames } from "./synset-names.js";

export const tinyImagenet = defineEntry(
  {
    name: "tiny-imagenet",
    title: "Tiny ImageNet",
    homepage: "https://cs231n.stanford.edu/",
    licence: "as ImageNet's: non-commercial research and education",
    citation: "Le, Yang (2015), Tiny ImageNet Visual Recognition Challenge, CS 231N",
    channels: 3,
    labels: "one",
    classes: 200,
    imageSize: 64,
    parts: [
      { name: "train", images: 100_000, labelled: true },
      {
        name: "test",
        images: 10_000,
        labelled: true,
        note: "the official validation images; the labels of the test images are secret",
      },
    ],
    files: [
      {
        name: "tiny-imagenet-200.zip",
        url: "https://cs231n.stanford.edu/tiny-imagenet-200.zip",
        bytes: 248_100_043,
        md5: "90528d7ca1a48142e341f4ef8d21d0de",
        archive: { files: 130_000, bytes: 600_000_000 },
      },
    ],
  },
  async (folder, request) => {
    const root = findRoot(folder, ["tiny-imagenet-200"], "wnids.txt");
    const list = join(root, "wnids.txt");
    // Sorted, as the folders of the classes are elsewhere: labels are comparable.
    const ids = (await readRows(list, ["id"])).map(({ cells: [id = ""] }) => id).sort(byCodeUnits);
    const places = placesOf(ids, list);
    const classes = await synsetNames(ids, join(root, "words.txt"));
    if (request.part === "train") {
      const images = join(root, "train");
      const scan = { extensions: imageExtensions, signal: request.signal };
      const { files, problems } = await scanFolder(images, scan);
      if (problems.length > 0) {
        const message = `${printable(images)}: expected every image to be readable, got ${nameProblems(problems)}`;
        throw new SitError("bad-file", message);
      }
      const listed = files.map((file) => {
        const where = join(images, file);
        return { file, label: placeOf(file.split("/", 1)[0] as string, places, where), where };
      });
      return await listedImages(images, listed, classes, request);
    }
    const rows = await readRows(join(root, "val", "val_annotations.txt"), ["image", "class", "box"]);
    const images = rows.map(({ cells: [file = "", id = ""], where }) => {
      return { file, label: placeOf(id, places, where), where };
    });
    return await listedImages(join(root, "val", "images"), images, classes, request);
  },
);
