import { SitError } from "@sitjs/core/errors";
import { type ImageDataset, memoryDataset } from "../dataset.js";
import { readPlain } from "../idx-dataset.js";
import { checkRecords, requireLabel } from "./check-records.js";
import { type ClassNames, readClassNames } from "./class-names.js";
import { openRecords, type RecordFile } from "./records.js";

const side = 96;
const planeBytes = side * side;
const imageBytes = 3 * planeBytes;
const classCount = 10;
const what = "images of STL-10";

/**
 * Reads the images of STL-10's binary files (https://cs.stanford.edu/~acoates/stl10), where each image is its red, green
 * and blue plane, and each plane is stored column by column.
 * @returns uint8, [images, 96, 96, 3]: rows of pixels with their channels together
 * @throws SitError "bad-file" where the length is not that of whole images
 */
export function parseStlImages(bytes: Uint8Array, name = "stl file"): Uint8Array {
  const count = checkRecords({ start: bytes, size: bytes.length, recordBytes: imageBytes, what, name });
  const pixels = new Uint8Array(count * imageBytes);
  unpack(bytes, pixels, 0);
  return pixels;
}

/**
 * Reads the labels of STL-10's binary files: a byte each, from 1 to 10.
 * @returns the labels from 0 to 9, [images]
 * @throws SitError "bad-file" where the file is empty or a label is no class
 */
export function parseStlLabels(bytes: Uint8Array, name = "stl labels"): Uint8Array {
  const count = checkRecords({ start: bytes, size: bytes.length, recordBytes: 1, what: "labels", name });
  const labels = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const label = bytes[i] as number;
    requireLabel(label >= 1 && label <= classCount, name, i, "from 1 to 10", label);
    labels[i] = label - 1;
  }
  return labels;
}

export interface StlDatasetOptions {
  /** File of the images: `train_X.bin`, `test_X.bin` or `unlabeled_X.bin`; several are read one after the other. */
  readonly images: string | readonly string[];
  /** File of the labels: `train_y.bin` or `test_y.bin`. */
  readonly labels?: string;
  /** What the dataset is called; default "stl-10". */
  readonly name?: string;
  /** Names of the classes, or the text file with them: `class_names.txt`. */
  readonly classes?: ClassNames;
}

/**
 * STL-10 from its binary files. Memory is that of the pixels: 2.8 GB for the 100,000 images without labels.
 * @throws SitError "missing-file" or "bad-file", naming the file
 */
export async function stlDataset(options: StlDatasetOptions): Promise<ImageDataset> {
  const { images, name = "stl-10" } = options;
  const classes = await readClassNames(options.classes, classCount);
  const labels =
    options.labels === undefined
      ? undefined
      : parseStlLabels(await readPlain(options.labels), options.labels);
  const files: RecordFile[] = [];
  try {
    for (const path of typeof images === "string" ? [images] : images) {
      files.push(await openRecords(path, imageBytes, what));
    }
    const count = files.reduce((sum, file) => sum + file.count, 0);
    if (labels && labels.length !== count) {
      const expected = `one label for each of the ${count} images in ${files.map(({ path }) => path).join(" and ")}`;
      throw new SitError("bad-file", `${options.labels}: expected ${expected}, got ${labels.length}`);
    }
    const pixels = new Uint8Array(new SharedArrayBuffer(count * imageBytes));
    let start = 0;
    for (const file of files) {
      await file.read((records, first) => unpack(records, pixels, start + first));
      start += file.count;
    }
    return memoryDataset({ name, pixels, width: side, height: side, channels: 3, labels, classes });
  } finally {
    for (const file of files) await file.close();
  }
}

/** Puts images, [images, 3, column, row], into `pixels` from image `target` on. */
function unpack(records: Uint8Array, pixels: Uint8Array, target: number): void {
  for (let from = 0; from < records.length; from += imageBytes) {
    const to = target * imageBytes + from;
    for (let channel = 0; channel < 3; channel++) {
      const plane = from + channel * planeBytes;
      for (let row = 0; row < side; row++) {
        let at = to + row * side * 3 + channel;
        for (let column = 0; column < side; column++, at += 3) {
          pixels[at] = records[plane + column * side + row] as number;
        }
      }
    }
  }
}
