/**
 * Where a dataset's pixels are, as plain data that worker threads read by themselves: shared memory
 * (never copied), paths of image files, or encoded images at ranges of bytes (both decoded in the worker).
 */
export type ImageStorage = MemoryStorage | FileStorage | EncodedStorage;

/** Images of one size in shared memory: uint8 pixels, [images, height, width, channels]. */
export interface MemoryStorage {
  readonly kind: "memory";
  readonly pixels: SharedArrayBuffer;
  readonly width: number;
  readonly height: number;
  readonly channels: Channels;
  /** Which image of `pixels` each sample is; without it, sample i is image i. */
  readonly rows: Uint32Array | undefined;
}

/** Image files of any size. */
export interface FileStorage extends Decoding {
  readonly kind: "files";
  /** Folder that `paths` are relative to. */
  readonly root: string;
  /** Path of each sample, with `/` between folders. */
  readonly paths: readonly string[];
}

/** Images of any size as the bytes of image files, one after the other in shared memory or in one file. */
export interface EncodedStorage extends Decoding {
  readonly kind: "encoded";
  readonly bytes: SharedArrayBuffer | { readonly file: string };
  /** Where each sample's bytes begin, and how many there are: [samples, 2]. */
  readonly ranges: Float64Array;
  /** What each sample is called in messages. */
  readonly names: readonly string[];
}

/** How image files are decoded. */
interface Decoding {
  readonly channels: Channels;
  /** Larger images are shrunk while decoding, until their shorter side has this many pixels. */
  readonly shorterSide: number | undefined;
  /** Images with more pixels are refused; default 100 million. */
  readonly maximumPixels?: number | undefined;
}

export type Channels = 1 | 3;
