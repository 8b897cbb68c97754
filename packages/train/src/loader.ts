import { type PartSettings, requireOption } from "@sitjs/core";

/** One view of a batch: normalised pixels, row by row, channels last. */
export interface ViewPixels {
  readonly data: Float32Array;
  readonly shape: readonly [batch: number, height: number, width: number, channels: number];
}

/** A batch as it comes from a loader. */
export interface ImageBatch {
  readonly views: readonly ViewPixels[];
  /** Which images these are. */
  readonly indices: Int32Array;
  readonly labels?: Int32Array | undefined;
  /** Where an image may show several classes, [batch, classes]: 1 it does, 0 it does not, 255 not to be counted. */
  readonly targets?: Uint8Array | undefined;
  /** From 0. */
  readonly epoch: number;
  /** Over all epochs, from 0. */
  readonly step: number;
}

/** What the training loop needs of a loader; `batches()` of `@sitjs/data` is one. */
export interface BatchSource {
  readonly batchSize: number;
  readonly stepsPerEpoch: number;
  /**
   * Batches of the steps `start` … `end - 1`; the same whenever they are asked for. A loader that knows `signal` stops
   * waiting when it is aborted.
   */
  range(start: number, end: number, options?: { readonly signal?: AbortSignal }): AsyncIterable<ImageBatch>;
  /**
   * What its batches depend on beside `batchSize`, as plain JSON, for records: a run that goes on must have the same. Asked
   * for by runs that are saved or gone on with; not compared where it is left out.
   */
  settings?(): PartSettings | Promise<PartSettings>;
  /** What to call an image, by its index: a path, usually. */
  nameOf?(index: number): string;
  /** Told when a batch's pixels are not wanted any more, for a loader that uses the memory again. */
  release?(batch: ImageBatch): void;
}

/** How long to train: one number with its unit. */
export type Duration = { readonly epochs: number } | { readonly steps: number } | { readonly images: number };

/**
 * The duration in steps of this loader, at least 1.
 * @throws SitError "bad-option" unless it is one positive number with one unit
 */
export function durationInSteps(
  duration: Duration,
  loader: Pick<BatchSource, "batchSize" | "stepsPerEpoch">,
): number {
  const given = Object.entries(duration).filter(([unit]) => ["epochs", "steps", "images"].includes(unit));
  const amount = given[0]?.[1] as number | undefined;
  requireOption(
    given.length === 1 && Number.isFinite(amount) && (amount as number) > 0,
    "duration",
    "one of epochs, steps and images, above 0",
    Object.fromEntries(given),
  );
  if ("steps" in duration) return Math.max(1, Math.round(duration.steps));
  if ("epochs" in duration) return Math.max(1, Math.round(duration.epochs * loader.stepsPerEpoch));
  return Math.max(1, Math.round(duration.images / loader.batchSize));
}
