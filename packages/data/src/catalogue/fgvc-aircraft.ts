import { join } from "node:path";
import { defineEntry } from "./define-entry.js";
import { listedImages } from "./listed-images.js";
import { findRoot, placeOf, placesOf, readRows } from "./lists.js";

const site = "https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft";

export const fgvcAircraft = defineEntry(
  {
    name: "fgvc-aircraft",
    title: "FGVC-Aircraft (100 variants)",
    homepage: `${site}/`,
    licence: "non-commercial research",
    citation:
      "Maji, Kannala, Rahtu, Blaschko, Vedaldi (2013), Fine-Grained Visual Classification of Aircraft, arXiv:1306.5151",
    channels: 3,
    labels: "one",
    classes: 100,
    parts: [
      { name: "train", images: 3_334, labelled: true },
      { name: "val", images: 3_333, labelled: true },
      { name: "trainval", images: 6_667, labelled: true, note: "train and val together" },
      { name: "test", images: 3_333, labelled: true },
    ],
    files: [
      {
        name: "fgvc-aircraft-2013b.tar.gz",
        url: `${site}/archives/fgvc-aircraft-2013b.tar.gz`,
        bytes: 2_770_575_360,
        sha256: "d5f68b1b81d6d7831eb9d5c5517074176b5dfbce6bcb43dc14ed1c66a87b8d75",
        archive: { files: 11_000, bytes: 4_000_000_000 },
      },
    ],
  },
  async (folder, request) => {
    const root = findRoot(folder, ["fgvc-aircraft-2013b/data", "data"], "variants.txt");
    const variants = join(root, "variants.txt");
    const classes = (await readRows(variants, ["variant"])).map(({ cells: [name = ""] }) => name);
    const places = placesOf(classes, variants);
    const rows = await readRows(join(root, `images_variant_${request.part}.txt`), ["image", "variant"]);
    const images = rows.map(({ cells: [image, variant = ""], where }) => {
      return { file: `${image}.jpg`, label: placeOf(variant, places, where), where };
    });
    return await listedImages(join(root, "images"), images, classes, request);
  },
);
