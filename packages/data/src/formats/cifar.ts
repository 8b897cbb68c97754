import { requireOption } from "@sitjs/core/errors";
import { type ImageDataset, memoryDataset } from "../dataset.js";
import { checkRecords, requireLabel } from "./check-records.js";
import { type ClassNames, readClassNames } from "./class-names.js";
import { openRecords, type RecordFile } from "./records.js";

/** CIFAR-10, with one label an image, or CIFAR-100, with a coarse and a fine one. */
export type CifarKind = 10 | 100;

/** Images of 32 x 32 with their labels. */
export interface CifarArrays {
  /** uint8, [images, 32, 32, 3]: rows of pixels with their channels red, green, blue together. */
  readonly pixels: Uint8Array;
  /** Of CIFAR-10 0 to 9; of CIFAR-100 the fine ones, 0 to 99. [images] */
  readonly labels: Uint8Array;
  /** Of CIFAR-100 the superclasses, 0 to 19. [images] */
  readonly coarseLabels: Uint8Array | undefined;
}

const side = 32;
const planeBytes = side * side;
const imageBytes = 3 * planeBytes;
const coarseClasses = 20;

/**
 * Reads a file of CIFAR's binary version (https://www.cs.toronto.edu/~kriz/cifar.html): for each image its label, of
 * CIFAR-100 the coarse one before the fine one, then its red, green and blue plane.
 * @throws SitError "bad-file" where the length is not that of whole records, or a label is no class
 */
export function parseCifar(
  bytes: Uint8Array,
  { kind, name = "cifar file" }: { readonly kind: CifarKind; readonly name?: string },
): CifarArrays {
  requireKind(kind);
  const count = checkRecords({ start: bytes, size: bytes.length, ...layout(kind), name });
  const arrays = emptyArrays(kind, count, new Uint8Array(count * imageBytes));
  unpack({ records: bytes, first: 0, kind, name }, arrays, 0);
  return arrays;
}

/**
 * The bytes of such a file: the reverse of `parseCifar`. Without coarse labels it is one of CIFAR-10.
 * @throws SitError "bad-option" where there are not as many labels as images, or a label is no class
 */
export function formatCifar({ pixels, labels, coarseLabels }: CifarArrays): Uint8Array {
  const kind = coarseLabels === undefined ? 10 : 100;
  const count = labels.length;
  requireOption(pixels.length === count * imageBytes, "pixels", `${count} x 32 x 32 x 3`, pixels.length);
  requireLabels(labels, count, kind, "labels");
  if (coarseLabels) requireLabels(coarseLabels, count, coarseClasses, "coarseLabels");
  const { recordBytes } = layout(kind);
  const bytes = new Uint8Array(count * recordBytes);
  for (let i = 0; i < count; i++) {
    const start = i * recordBytes;
    if (coarseLabels) bytes[start] = coarseLabels[i] as number;
    const red = start + labelBytes(kind);
    bytes[red - 1] = labels[i] as number;
    let from = i * imageBytes;
    for (let to = red; to < red + planeBytes; to++) {
      bytes[to] = pixels[from++] as number;
      bytes[to + planeBytes] = pixels[from++] as number;
      bytes[to + 2 * planeBytes] = pixels[from++] as number;
    }
  }
  return bytes;
}

function requireLabels(labels: Uint8Array, count: number, limit: number, option: string): void {
  requireOption(labels.length === count, option, `a label for each of ${count} images`, labels.length);
  const wrong = labels.find((label) => label >= limit);
  requireOption(wrong === undefined, option, `labels from 0 to ${limit - 1}`, wrong);
}

export interface CifarDatasetOptions {
  readonly kind: CifarKind;
  /** The binary files, such as the five `data_batch_*.bin`, or `train.bin`; in this order. */
  readonly files: readonly string[];
  /** What the dataset is called; default "cifar-10" or "cifar-100". */
  readonly name?: string;
  /** Which labels of CIFAR-100: "fine" (100 classes, the default) or "coarse" (20). */
  readonly labels?: "fine" | "coarse";
  /** Names of the classes, or the text file with them: `batches.meta.txt`, `fine_label_names.txt` and the like. */
  readonly classes?: ClassNames;
}

/**
 * CIFAR-10 or CIFAR-100 from the files of the binary version.
 * @throws SitError "missing-file" or "bad-file" naming the file, "bad-option" for options that do not fit
 */
export async function cifarDataset(options: CifarDatasetOptions): Promise<ImageDataset> {
  const { kind, files, name = `cifar-${options.kind}`, labels = "fine" } = options;
  requireKind(kind);
  requireOption(Array.isArray(files) && files.length > 0, "files", "at least one path", files);
  requireOption(
    labels === "fine" || (labels === "coarse" && kind === 100),
    "labels",
    kind === 100 ? '"fine" or "coarse"' : '"fine": CIFAR-10 has one label an image',
    labels,
  );
  const expected = labels === "coarse" ? coarseClasses : kind;
  const classes = await readClassNames(options.classes, expected);
  const { recordBytes, what } = layout(kind);
  const opened: RecordFile[] = [];
  try {
    for (const path of files) opened.push(await openRecords(path, recordBytes, what));
    const count = opened.reduce((sum, file) => sum + file.count, 0);
    const pixels = new Uint8Array(new SharedArrayBuffer(count * imageBytes));
    const arrays = emptyArrays(kind, count, pixels);
    let start = 0;
    for (const file of opened) {
      await file.read((records, first) => {
        unpack({ records, first, kind, name: file.path }, arrays, start + first);
      });
      start += file.count;
    }
    const chosen = labels === "coarse" ? arrays.coarseLabels : arrays.labels;
    return memoryDataset({ name, pixels, width: side, height: side, channels: 3, labels: chosen, classes });
  } finally {
    for (const file of opened) await file.close();
  }
}

function requireKind(kind: unknown): void {
  requireOption(kind === 10 || kind === 100, "kind", "10 or 100", kind);
}

/** The size of one record, and what it is. */
function layout(kind: CifarKind): { recordBytes: number; what: string } {
  return { recordBytes: labelBytes(kind) + imageBytes, what: `records of CIFAR-${kind}` };
}

function labelBytes(kind: CifarKind): number {
  return kind === 10 ? 1 : 2;
}

function emptyArrays(kind: CifarKind, count: number, pixels: Uint8Array): CifarArrays {
  return {
    pixels,
    labels: new Uint8Array(count),
    coarseLabels: kind === 100 ? new Uint8Array(count) : undefined,
  };
}

interface Records {
  readonly records: Uint8Array;
  /** Number of the first record in its file. */
  readonly first: number;
  readonly kind: CifarKind;
  readonly name: string;
}

/** Puts records into the arrays from image `target` on. */
function unpack({ records, first, kind, name }: Records, arrays: CifarArrays, target: number): void {
  const { pixels, labels, coarseLabels } = arrays;
  const recordBytes = layout(kind).recordBytes;
  const count = records.length / recordBytes;
  for (let i = 0; i < count; i++) {
    const start = i * recordBytes;
    if (coarseLabels) {
      const coarse = records[start] as number;
      requireLabel(coarse < coarseClasses, name, first + i, "from 0 to 19", coarse);
      coarseLabels[target + i] = coarse;
    }
    const label = records[start + labelBytes(kind) - 1] as number;
    requireLabel(label < kind, name, first + i, `from 0 to ${kind - 1}`, label);
    labels[target + i] = label;
    let to = (target + i) * imageBytes;
    const red = start + labelBytes(kind);
    for (let from = red; from < red + planeBytes; from++) {
      pixels[to++] = records[from] as number;
      pixels[to++] = records[from + planeBytes] as number;
      pixels[to++] = records[from + 2 * planeBytes] as number;
    }
  }
}
