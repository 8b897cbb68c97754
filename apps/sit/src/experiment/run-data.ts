import type { ImageDataset } from "@sitjs/data";
import type { Settings } from "../settings/settings.js";
import type { LeftOut } from "./left-out.js";
import type { Reporter } from "./reporter.js";

/** A data source, opened. */
export interface RunData {
  /** As the user named it. */
  readonly source: string;
  /** What it is called in records: no path above the folder itself. */
  readonly name: string;
  /** Images to learn from. */
  readonly train: ImageDataset;
  /** Images to judge by; undefined where there are none and labels were not asked for. */
  readonly test: ImageDataset | undefined;
  /** What the reader should know, said when the run begins. */
  readonly note?: string;
}

export interface OpenDataOptions {
  readonly channels: 1 | 3;
  readonly imageSize: number;
  /** Labels are wanted, and a test part: finetune, knn, demo. */
  readonly labelled: boolean;
  /** Several labels an image are wanted, not one: multilabel. */
  readonly several?: boolean;
  /** A test part is wanted where there is one (default: as `labelled`). */
  readonly test?: boolean;
  /** The shares of images to go on without. */
  readonly settings: Pick<Settings, "badImages" | "badTestImages">;
  readonly leftOut: LeftOut;
  readonly report: Reporter;
  readonly signal: AbortSignal;
}
