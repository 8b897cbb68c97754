import { join } from "node:path";
import { vocAnnotations } from "../formats/annotations/index.js";
import { defineEntry } from "./define-entry.js";
import type { CatalogueEntry, CatalogueFile, CataloguePart } from "./entry.js";
import { shownImages } from "./listed-images.js";
import { findRoot } from "./lists.js";

const site = "https://thor.robots.ox.ac.uk/pascal/VOC";

const classes = [
  "aeroplane",
  "bicycle",
  "bird",
  "boat",
  "bottle",
  "bus",
  "car",
  "cat",
  "chair",
  "cow",
  "diningtable",
  "dog",
  "horse",
  "motorbike",
  "person",
  "pottedplant",
  "sheep",
  "sofa",
  "train",
  "tvmonitor",
];

interface Year {
  readonly year: 2007 | 2012;
  readonly parts: readonly CataloguePart[];
  readonly files: readonly CatalogueFile[];
  /** The official list of a part where it has another name. */
  readonly lists?: Readonly<Record<string, string>>;
}

/** A year's challenge: an image has the classes of its objects, and those of which it has difficult ones only do not count. */
function pascalVoc({ year, parts, files, lists = {} }: Year): CatalogueEntry {
  return defineEntry(
    {
      name: `voc-${year}`,
      title: `Pascal VOC ${year}`,
      homepage: `http://host.robots.ox.ac.uk/pascal/VOC/voc${year}/`,
      licence: "images under Flickr's terms of use",
      citation:
        "Everingham, Van Gool, Williams, Winn, Zisserman (2010), The Pascal Visual Object Classes (VOC) Challenge, IJCV 88",
      channels: 3,
      labels: "several",
      classes: classes.length,
      parts,
      files,
    },
    async (folder, request) => {
      const { part } = request;
      const list = `ImageSets/Main/${lists[part] ?? part}.txt`;
      const root = findRoot(folder, [`VOCdevkit/VOC${year}`, `VOC${year}`], list);
      const annotations = await vocAnnotations(join(root, "Annotations"), {
        list: join(root, list),
        classes,
        difficult: "not-counted",
      });
      return await shownImages(join(root, "JPEGImages"), annotations, request);
    },
  );
}

export const voc2007 = pascalVoc({
  year: 2007,
  parts: [
    { name: "train", images: 2_501, labelled: true },
    { name: "val", images: 2_510, labelled: true },
    { name: "trainval", images: 5_011, labelled: true, note: "train and val together" },
    { name: "test", images: 4_952, labelled: true },
  ],
  files: [
    {
      name: "VOCtrainval_06-Nov-2007.tar",
      url: `${site}/voc2007/VOCtrainval_06-Nov-2007.tar`,
      bytes: 460_032_000,
      sha256: "7d8cd951101b0957ddfd7a530bdc8a94f06121cfc1e511bb5937e973020c7508",
      md5: "c52e279531787c972589f7e41ab4ae64",
      archive: { files: 12_000, bytes: 600_000_000 },
    },
    {
      name: "VOCtest_06-Nov-2007.tar",
      url: `${site}/voc2007/VOCtest_06-Nov-2007.tar`,
      bytes: 451_020_800,
      sha256: "6836888e2e01dca84577a849d339fa4f73e1e4f135d312430c4856b5609b4892",
      md5: "b6e924de25625d8de591ea690078ad9f",
      archive: { files: 12_000, bytes: 600_000_000 },
    },
  ],
});

export const voc2012 = pascalVoc({
  year: 2012,
  parts: [
    { name: "train", images: 5_717, labelled: true },
    {
      name: "test",
      images: 5_823,
      labelled: true,
      note: "the official validation images; the labels of the test images are secret",
    },
  ],
  files: [
    {
      name: "VOCtrainval_11-May-2012.tar",
      url: `${site}/voc2012/VOCtrainval_11-May-2012.tar`,
      bytes: 1_999_639_040,
      sha256: "e14f763270cf193d0b5f74b169f44157a4b0c6efa708f4dd0ff78ee691763bcb",
      md5: "6cd6e144f989b92b3379bac3b3de84fd",
      archive: { files: 45_000, bytes: 2_500_000_000 },
    },
  ],
  lists: { test: "val" },
});
