import type { Image } from "@sitjs/augment";
import { requireOption, SitError } from "@sitjs/core/errors";
import { readImage } from "./reader.js";
import type { Channels, ImageStorage } from "./storage.js";
import { requireTargets } from "./targets.js";

/** Images with a label each, with targets (any number of classes each), or with neither. Sample indices go from 0 to `length` - 1. */
export interface ImageDataset {
  readonly name: string;
  readonly length: number;
  readonly channels: Channels;
  /** Names of the classes, by label; undefined where there are none. */
  readonly classes: readonly string[] | undefined;
  /** Label of each sample, an index into `classes`; undefined where there are none. */
  readonly labels: Int32Array | undefined;
  /**
   * Where a sample may show several classes: [length, classes], 1 where it shows the class, 0 where not, `notCounted`
   * (255) where neither is to count. Undefined where there are none; then and only then there may be `labels`.
   */
  readonly targets: Uint8Array | undefined;
  readonly storage: ImageStorage;
  /** Decodes one image: uint8, [height, width, channels]. Throws `SitError("bad-file")` naming the file. */
  image(index: number): Promise<Image>;
}

export interface DatasetParts {
  readonly name: string;
  readonly storage: ImageStorage;
  readonly classes?: readonly string[] | undefined;
  readonly labels?: Int32Array | undefined;
  readonly targets?: ArrayLike<number> | undefined;
}

/** A dataset of a storage, checked: labels or targets as many as images, and each of them a class. */
export function createDataset(parts: DatasetParts): ImageDataset {
  const { name, storage, classes, labels, targets } = parts;
  const length = storageLength(storage);
  if (labels !== undefined) {
    requireOption(
      labels.length === length,
      "labels",
      `one label for each of ${length} images`,
      labels.length,
    );
    const limit = classes?.length ?? 2 ** 31;
    for (let i = 0; i < labels.length; i++) {
      const label = labels[i] as number;
      if (!(label >= 0 && label < limit)) {
        const expected = classes ? `0 to ${limit - 1} (${classes.length} classes)` : "0 or more";
        throw new SitError("bad-option", `labels[${i}] of ${name}: expected ${expected}, got ${label}`);
      }
    }
  }
  if (targets !== undefined) {
    requireOption(labels === undefined, "targets", "no labels beside them", "both");
    requireTargets(targets, length, classes?.length, name);
  }
  return {
    name,
    length,
    channels: storage.channels,
    classes,
    labels,
    targets: targets && Uint8Array.from(targets),
    storage,
    async image(index) {
      requireIndex(index, length, "index");
      return readImage(storage, index);
    },
  };
}

/** The number of images that a storage holds. */
export function storageLength(storage: ImageStorage): number {
  if (storage.kind === "files") return storage.paths.length;
  if (storage.kind === "encoded") return storage.names.length;
  if (storage.rows) return storage.rows.length;
  return storage.pixels.byteLength / (storage.width * storage.height * storage.channels);
}

export interface MemoryDatasetOptions {
  /** What the dataset is called in messages and records; default "images". */
  readonly name?: string;
  /** Pixels, uint8, [images, height, width, channels]. Copied once, unless already in shared memory. */
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: Channels;
  /** Label of each image, an index into `classes`. */
  readonly labels?: ArrayLike<number>;
  /** In place of labels: [images, classes], 1, 0 or `notCounted`. Needs `classes`. */
  readonly targets?: ArrayLike<number>;
  readonly classes?: readonly string[];
}

/**
 * A dataset of images that are already in memory.
 * @throws SitError "bad-option" where sizes or labels do not fit the pixels.
 */
export function memoryDataset(options: MemoryDatasetOptions): ImageDataset {
  const { name = "images", pixels, width, height, channels, labels, targets, classes } = options;
  requireSize(width, "width");
  requireSize(height, "height");
  requireOption(channels === 1 || channels === 3, "channels", "1 or 3", channels);
  requireOption(pixels instanceof Uint8Array, "pixels", "a Uint8Array", typeof pixels);
  const size = width * height * channels;
  requireOption(
    pixels.length > 0 && pixels.length % size === 0,
    "pixels",
    `a multiple of height x width x channels = ${size} values, at least one image`,
    pixels.length,
  );
  return createDataset({
    name,
    classes,
    labels: labels && Int32Array.from(labels),
    targets,
    storage: { kind: "memory", pixels: shared(pixels), width, height, channels, rows: undefined },
  });
}

function shared(pixels: Uint8Array): SharedArrayBuffer {
  const { buffer } = pixels;
  if (buffer instanceof SharedArrayBuffer && buffer.byteLength === pixels.byteLength) return buffer;
  const copy = new SharedArrayBuffer(pixels.length);
  new Uint8Array(copy).set(pixels);
  return copy;
}

function requireSize(value: number, option: string): void {
  requireOption(Number.isSafeInteger(value) && value > 0, option, "a positive whole number of pixels", value);
}

export function requireIndex(index: number, length: number, option: string): void {
  requireOption(
    Number.isSafeInteger(index) && index >= 0 && index < length,
    option,
    `a whole number from 0 to ${length - 1}`,
    index,
  );
}
