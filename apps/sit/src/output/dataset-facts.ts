import { printable } from "@sitjs/core/errors";
import type { CatalogueEntry, ImageDataset } from "@sitjs/data";
import { sizeOf } from "../experiment/catalogue.js";

/** What is known of a data set without opening it, for JSON. */
export function factsOf(entry: CatalogueEntry) {
  const { open: _, ownSources, ...facts } = entry;
  return facts;
}

/** What is known of a data set without opening it, for a person. */
export function factLines(entry: CatalogueEntry): string[] {
  const { title, homepage, licence, citation, parts, classes, labels, channels, imageSize, files } = entry;
  const row = (name: string, text: string) => `${name.padEnd(10)}${text}`;
  const size = imageSize === undefined ? "of several sizes" : `${imageSize} x ${imageSize} pixels`;
  const each = labels === "one" ? "one label an image" : "several labels an image";
  return [
    title,
    row("from", homepage),
    row("licence", licence),
    ...(citation === undefined ? [] : [row("cite", citation)]),
    row("images", `${channels === 1 ? "grey" : "colour"}, ${size}; ${classes} classes, ${each}`),
    ...parts.map(({ name, images, labelled, note }) => {
      const labelling = labelled ? "" : ", without labels";
      const more = note === undefined ? "" : ` (${note})`;
      return row("part", `${name}: ${images.toLocaleString("en")} images${labelling}${more}`);
    }),
    ...files.map(({ url, sha256, md5, bytes }) => {
      const length = bytes === undefined ? "length unknown" : `${bytes.toLocaleString("en")} bytes`;
      return row("file", `${url}, ${length}, ${sha256 === undefined ? `MD5 ${md5}` : `SHA-256 ${sha256}`}`);
    }),
  ];
}

/** How to get a data set that is not here. */
export function gettingLine(entry: CatalogueEntry): string {
  const { name, files, byHand } = entry;
  if (files.length === 0) return `Not here, and to be got by hand: ${byHand}`;
  return `Not here: sit data get ${name} downloads it (${sizeOf(entry)}).`;
}

export interface ClassCount {
  readonly name: string;
  readonly images: number;
}

/** Images of each class, by what shows it where there are several an image; undefined where there are no labels. */
export function classCounts({ labels, targets, classes }: ImageDataset): ClassCount[] | undefined {
  const count = classes?.length ?? labels?.reduce((most, label) => Math.max(most, label + 1), 0);
  if (count === undefined || (labels === undefined && targets === undefined)) return undefined;
  const images = new Array<number>(count).fill(0);
  const add = (label: number) => {
    images[label] = (images[label] as number) + 1;
  };
  labels?.forEach(add);
  targets?.forEach((shown, i) => {
    if (shown === 1) add(i % count);
  });
  return images.map((n, label) => ({ name: classes?.[label] ?? String(label), images: n }));
}

/** So many classes are listed one by one. */
const FEW = 20;

export function classLines(counts: readonly ClassCount[] | undefined): string[] {
  if (counts === undefined) return ["No labels"];
  const images = counts.map((count) => count.images);
  const [least, most] = [Math.min(...images), Math.max(...images)];
  const each = least === most ? `${least} images each` : `${least} to ${most} images each`;
  const head = `${counts.length} classes, ${each}${counts.length > FEW ? "; all of them with --json" : ""}`;
  if (counts.length > FEW) return [head];
  const width = Math.max(...counts.map(({ name }) => printable(name).length));
  return [
    head,
    ...counts.map(({ name, images: n }) => `  ${printable(name).padEnd(width)}  ${n.toLocaleString("en")}`),
  ];
}
