import { cifar10Entry } from "./cifar-10.js";
import type { CatalogueEntry } from "./entry.js";
import { fashionMnistEntry } from "./fashion-mnist.js";

/** The well-known data sets, in the order in which they are listed. */
export const catalogue: readonly CatalogueEntry[] = [fashionMnistEntry, cifar10Entry];

/** The data set of this name, or undefined. */
export function catalogueEntry(name: string): CatalogueEntry | undefined {
  return catalogue.find((entry) => entry.name === name);
}
