/** What goes to a thread, or the main one, to have a batch made, and what comes back. */
import type { FolderProblem } from "./folder-scan.js";
import type { ImageStorage } from "./storage.js";

/** What is done about an image that cannot be read while batches are made. */
export type BadImages = "throw" | "replace" | "leave-out";

/** A sample whose file could not be read; `summarizeProblems` counts them. */
export interface BadImage extends FolderProblem {
  readonly index: number;
  /** Of the file. */
  readonly path: string;
}

/** What a thread needs to make any batch of a dataset. */
export interface BatchRecipe {
  readonly storage: ImageStorage;
  /** The dataset's, for messages. */
  readonly name: string;
  readonly seed: number;
  readonly badImages: BadImages;
}

/** One batch to make. */
export interface BatchTask {
  readonly epoch: number;
  /** Which samples, in order. */
  readonly indices: Int32Array;
  /** Memory to put the views into, one for each; those of another size are left aside. */
  readonly buffers?: readonly ArrayBuffer[] | undefined;
}

/** What became of a task. */
export interface MadeBatch {
  /** For each view an array [batch, height, width, channels]. */
  readonly views: Float32Array<ArrayBuffer>[];
  /** Which samples these are: the task's, but for replaced and left out ones. */
  readonly indices: Int32Array<ArrayBuffer>;
  /** Images that could not be read, where that is no error. */
  readonly problems: readonly BadImage[];
}

/** How the making of a batch is watched and stopped. */
export interface BatchWatch {
  /** Asked between samples; the batch is left unfinished once it says true. */
  cancelled?(): boolean;
  /** Told the sample that is waited for next. */
  at?(index: number): void;
}
