import { existsSync } from "node:fs";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { readMat } from "../formats/mat/read.js";
import { defineEntry } from "./define-entry.js";
import { listedImages } from "./listed-images.js";
import { findRoot, fromOne, placesOf } from "./lists.js";
import { matField, matTexts } from "./mat-columns.js";

export const stanfordCars = defineEntry(
  {
    name: "stanford-cars",
    title: "Stanford Cars",
    homepage: "https://ai.stanford.edu/~jkrause/cars/car_dataset.html",
    licence: "not stated",
    citation:
      "Krause, Stark, Deng, Fei-Fei (2013), 3D Object Representations for Fine-Grained Categorization, 3dRR-13",
    channels: 3,
    labels: "one",
    classes: 196,
    parts: [
      { name: "train", images: 8_144, labelled: true },
      { name: "test", images: 8_041, labelled: true },
    ],
    files: [],
    byHand:
      "Its makers' site no longer has it. Put cars_train.tgz and cars_test.tgz (977 and 979 MB), unpacked as the folders cars_train and cars_test, beside the unpacked car_devkit.tgz (the folder devkit) and cars_test_annos_withlabels.mat.",
  },
  async (folder, request) => {
    const root = findRoot(folder, ["stanford_cars"], "devkit/cars_meta.mat");
    const meta = join(root, "devkit", "cars_meta.mat");
    const classes = matTexts(await readMat(meta, ["class_names"]), "class_names", meta);
    placesOf(classes, meta);
    const source = annotationsOf(root, request.part);
    const annotations = await readMat(source, ["annotations"]);
    const files = matField(annotations, ["annotations", "fname"], "text", source);
    const labels = matField(annotations, ["annotations", "class"], "number", source);
    const images = files.map((file, i) => {
      const where = `${source}: annotations(${i + 1})`;
      return { file, label: fromOne(labels[i] as number, classes.length, "a class", where), where };
    });
    return await listedImages(join(root, `cars_${request.part}`), images, classes, request);
  },
);

/** The labels of the test images came as a file of their own, which some put into the devkit. */
function annotationsOf(root: string, part: string): string {
  const file = part === "train" ? "cars_train_annos.mat" : "cars_test_annos_withlabels.mat";
  const found = [root, join(root, "devkit")].map((path) => join(path, file)).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new SitError("missing-file", `${root}: expected ${file} or devkit/${file} in it, got neither`);
}
