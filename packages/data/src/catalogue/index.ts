import { cifar10Entry } from "./cifar-10.js";
import { cifar100 } from "./cifar-100.js";
import { coco2017 } from "./coco-2017.js";
import { cub2002011 } from "./cub-200-2011.js";
import type { CatalogueEntry } from "./entry.js";
import { fashionMnistEntry } from "./fashion-mnist.js";
import { fgvcAircraft } from "./fgvc-aircraft.js";
import { flowers102 } from "./flowers-102.js";
import { imagenet1k } from "./imagenet-1k.js";
import { mnist } from "./mnist.js";
import { oxfordPets } from "./oxford-pets.js";
import { voc2007, voc2012 } from "./pascal-voc.js";
import { stanfordCars } from "./stanford-cars.js";
import { stl10 } from "./stl-10.js";
import { tinyImagenet } from "./tiny-imagenet.js";

/** The well-known data sets, in the order in which they are listed. */
export const catalogue: readonly CatalogueEntry[] = [
  fashionMnistEntry,
  cifar10Entry,
  mnist,
  cifar100,
  stl10,
  tinyImagenet,
  imagenet1k,
  flowers102,
  oxfordPets,
  cub2002011,
  fgvcAircraft,
  stanfordCars,
  voc2007,
  voc2012,
  coco2017,
];

/** The data set of this name, or undefined. */
export function catalogueEntry(name: string): CatalogueEntry | undefined {
  return catalogue.find((entry) => entry.name === name);
}
