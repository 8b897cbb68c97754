import { existsSync } from "node:fs";
import { join } from "node:path";
import { imageFolder } from "../image-folder.js";
import { defineEntry } from "./define-entry.js";
import { readDevkit } from "./imagenet-devkit.js";
import { listedImages } from "./listed-images.js";
import { findRoot } from "./lists.js";
import { synsetNames } from "./synset-names.js";

const folders: Readonly<Record<string, string>> = { train: "train", test: "val" };

export const imagenet1k = defineEntry(
  {
    name: "imagenet-1k",
    title: "ImageNet-1K (ILSVRC 2012)",
    homepage: "https://image-net.org/challenges/LSVRC/2012/",
    licence: "non-commercial research and education; wants an account",
    citation:
      "Russakovsky and others (2015), ImageNet Large Scale Visual Recognition Challenge, IJCV 115; arXiv:1409.0575",
    channels: 3,
    labels: "one",
    classes: 1000,
    parts: [
      { name: "train", images: 1_281_167, labelled: true },
      {
        name: "test",
        images: 50_000,
        labelled: true,
        note: "the official validation images; the labels of the test images are secret",
      },
    ],
    files: [],
    byHand:
      "Get ILSVRC2012_img_train.tar (148 GB, MD5 1d675b47d978889d74fa0da5fadfb00e) and ILSVRC2012_img_val.tar (6.7 GB, MD5 29b22e2961454d5413ddabcf34fc5622) with an account at image-net.org. Unpack each class's archive into train/ID (train/n01440764 and so on), and the validation images into val, with the unpacked ILSVRC2012_devkit_t12.tar.gz beside it, or sorted into val/ID. A file synset_words.txt or LOC_synset_mapping.txt beside them gives the classes' names.",
  },
  async (folder, request) => {
    const { part, name, channels, shorterSide, onProblem, signal } = request;
    const images = folders[part] as string;
    const root = findRoot(folder, ["ILSVRC/Data/CLS-LOC", "imagenet"], images);
    const named = (ids: readonly string[]) =>
      synsetNames(ids, join(root, "synset_words.txt"), join(folder, "LOC_synset_mapping.txt"));
    const list = part === "test" ? await readDevkit(root) : undefined;
    // Where some have sorted them, there is no first one beside the folders.
    if (list?.images[0] && existsSync(join(root, images, list.images[0].file))) {
      return await listedImages(join(root, images), list.images, await named(list.ids), request);
    }
    // 1.3 million files: those that cannot be read are met by the loader.
    const dataset = await imageFolder(join(root, images), {
      name,
      classes: "folders",
      verify: "none",
      channels,
      ...(part === "test" && { maximumBadShare: 0 }),
      ...(onProblem && { onProblem }),
      ...(shorterSide !== undefined && { shorterSide }),
      ...(signal && { signal }),
    });
    return { ...dataset, classes: await named(dataset.classes as readonly string[]) };
  },
);
