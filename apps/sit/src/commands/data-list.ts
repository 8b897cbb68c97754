import { type CatalogueEntry, catalogue, datasetFolder, datasetState } from "@sitjs/data";
import type { Run } from "../command-line/run-command.js";
import { sizeOf } from "../experiment/catalogue.js";

/** Tells the data sets of the catalogue. */
export const run: Run = async (_, { console }) => {
  const datasets = await Promise.all(catalogue.map(described));
  const rows = datasets.map(({ name, title, images, classes, size, here, licence }) => [
    name,
    title,
    images.toLocaleString("en"),
    String(classes),
    size,
    here,
    licence,
  ]);
  const table = [["name", "title", "images", "classes", "size", "here", "licence"], ...rows];
  const widths = (table[0] as string[]).map((_, i) =>
    Math.max(...table.map((row) => (row[i] as string).length)),
  );
  const lines = table.map((row) =>
    row
      .map((cell, i) =>
        i === 2 || i === 3 ? cell.padStart(widths[i] as number) : cell.padEnd(widths[i] as number),
      )
      .join("  ")
      .trimEnd(),
  );
  console.result({ command: "data list", datasets }, [
    ...lines,
    "",
    "sit data get NAME fetches one, sit data show NAME tells more of it. Sizes are those of the downloads.",
  ]);
};

const states = { complete: "yes", "by-hand": "by hand", started: "in part", none: "no" } as const;

async function described(entry: CatalogueEntry) {
  const { name, title, homepage, licence, labels, classes, imageSize, files, ownSources } = entry;
  const folder = datasetFolder(name);
  const own = ownSources?.isHere() === true;
  const state = own ? "complete" : await datasetState(entry, folder);
  const bytes = files.reduce((sum, file) => sum + (file.bytes ?? Number.NaN), 0);
  return {
    name,
    title,
    homepage,
    licence,
    labels,
    classes,
    imageSize,
    images: imagesOf(entry),
    parts: entry.parts,
    size: files.length === 0 ? "by hand" : sizeOf(entry),
    // Not a number is nothing in JSON.
    bytes: files.length === 0 || Number.isNaN(bytes) ? undefined : bytes,
    here: states[state],
    folder: own ? undefined : folder,
  };
}

/** Parts named for several others, as "train+unlabelled", have no images of their own; nor has "trainval". */
function imagesOf({ parts }: CatalogueEntry): number {
  const own = parts.filter(({ name }) => !name.includes("+") && name !== "trainval");
  return own.reduce((sum, { images }) => sum + images, 0);
}
