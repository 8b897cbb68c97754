import { toChannels } from "@sitjs/augment";
import { printable, requireOption, SitError } from "@sitjs/core/errors";
import { type ImageDataset, memoryDataset } from "../dataset.js";
import type { Channels } from "../storage.js";
import type { CatalogueEntry, OpenPartOptions } from "./entry.js";
import { requirePart } from "./require-part.js";

/** What is known when a part is opened: it is one of the entry's, and the channels are settled. */
export interface PartRequest extends OpenPartOptions {
  readonly channels: Channels;
  /** What the dataset is to be called: "cifar-100/train". */
  readonly name: string;
  /**
   * Checks the number of classes that were found.
   * @throws SitError "bad-file"
   */
  requireClasses(count: number): void;
}

/** An entry whose `open` checks what all have in common: the name of the part, the number of classes, the channels. */
export function defineEntry(
  facts: Omit<CatalogueEntry, "open">,
  open: (folder: string, request: PartRequest) => Promise<ImageDataset>,
): CatalogueEntry {
  return {
    ...facts,
    async open(folder, options) {
      const { part, channels = facts.channels } = options;
      requirePart(facts.parts, part);
      requireOption(channels === 1 || channels === 3, "channels", "1 or 3", channels);
      const name = `${facts.name}/${part}`;
      const requireClasses = (count: number) => {
        if (count === facts.classes) return;
        const expected = `the ${facts.classes} classes of ${facts.title}`;
        throw new SitError("bad-file", `${printable(folder)}: expected ${expected}, got ${count}`, {
          mend: "For other images in this layout use imageFolder() or a file of annotations.",
        });
      };
      const dataset = await open(folder, { ...options, channels, name, requireClasses });
      if (dataset.classes) requireClasses(dataset.classes.length);
      return withChannels(dataset, channels);
    },
  };
}

/** Images in memory as grey or colour ones; files are decoded as either. */
function withChannels(dataset: ImageDataset, channels: Channels): ImageDataset {
  const { storage, name, labels, classes } = dataset;
  if (storage.kind !== "memory" || storage.channels === channels) return dataset;
  // One below the other they are one image.
  const { pixels, width, height } = storage;
  const data = new Uint8Array(pixels);
  const rows = data.length / (width * storage.channels);
  const converted = toChannels({ data, width, height: rows, channels: storage.channels }, channels);
  return memoryDataset({
    name,
    pixels: converted.data as Uint8Array,
    width,
    height,
    channels,
    ...(labels && { labels }),
    ...(classes && { classes }),
  });
}
