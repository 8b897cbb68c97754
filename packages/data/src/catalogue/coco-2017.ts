import { join } from "node:path";
import { cocoAnnotations } from "../formats/annotations/index.js";
import { defineEntry } from "./define-entry.js";
import { shownImages } from "./listed-images.js";
import { findRoot } from "./lists.js";

// The bucket by its path: the certificate of images.cocodataset.org is another host's.
const bucket = "https://s3.amazonaws.com/images.cocodataset.org";
const folders: Readonly<Record<string, string>> = { train: "train2017", test: "val2017" };

export const coco2017 = defineEntry(
  {
    name: "coco-2017",
    title: "COCO 2017",
    homepage: "https://cocodataset.org/",
    licence: "annotations CC BY 4.0, images under Flickr's terms of use",
    citation: "Lin and others (2014), Microsoft COCO: Common Objects in Context, ECCV; arXiv:1405.0312",
    channels: 3,
    labels: "several",
    classes: 80,
    parts: [
      {
        name: "train",
        images: 118_287,
        labelled: true,
        note: "its labels are read from 450 MB of JSON, with 2 GB of memory",
      },
      {
        name: "test",
        images: 5_000,
        labelled: true,
        note: "the official validation images; the labels of the test images are secret",
      },
    ],
    files: [
      {
        name: "annotations_trainval2017.zip",
        url: `${bucket}/annotations/annotations_trainval2017.zip`,
        bytes: 252_907_541,
        sha256: "113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268",
        archive: { files: 20, bytes: 1_200_000_000 },
      },
      {
        name: "val2017.zip",
        url: `${bucket}/zips/val2017.zip`,
        bytes: 815_585_330,
        sha256: "4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05",
        archive: { files: 5_100, bytes: 1_000_000_000 },
      },
      {
        name: "train2017.zip",
        url: `${bucket}/zips/train2017.zip`,
        bytes: 19_336_861_798,
        sha256: "69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929",
        archive: { files: 119_000, bytes: 22_000_000_000 },
      },
    ],
  },
  async (folder, request) => {
    const { part } = request;
    const images = folders[part] as string;
    const list = `annotations/instances_${images}.json`;
    const root = findRoot(folder, ["coco"], list);
    const annotations = await cocoAnnotations(join(root, list));
    return await shownImages(join(root, images), annotations, request);
  },
);
