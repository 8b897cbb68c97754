/**
 * Where a dataset's pixels are, as plain data that worker threads read by themselves: shared memory
 * (never copied), or paths of image files (decoded in the worker).
 */
export type ImageStorage = MemoryStorage | FileStorage;

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
export interface FileStorage {
  readonly kind: "files";
  /** Folder that `paths` are relative to. */
  readonly root: string;
  /** Path of each sample, with `/` between folders. */
  readonly paths: readonly string[];
  readonly channels: Channels;
  /** Larger images are shrunk while decoding, until their shorter side has this many pixels. */
  readonly shorterSide: number | undefined;
  /** Images with more pixels are refused; default 100 million. */
  readonly maximumPixels?: number | undefined;
}

export type Channels = 1 | 3;
