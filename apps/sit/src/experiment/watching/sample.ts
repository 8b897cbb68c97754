import { randomStream } from "@sitjs/core/random";
import { type ImageDataset, subset } from "@sitjs/data";
import type { BatchSource, ImageBatch } from "@sitjs/train";
import { evalLoader, type LoaderContext } from "../loaders.js";
import type { WatchPlan } from "./plan.js";

/** The images that are looked at, the same at every look. */
export interface WatchSample {
  /** What the queries' neighbours are looked for among; all images where there are no queries. */
  readonly bank: BatchSource;
  readonly queries: BatchSource | undefined;
}

/** So many bytes of pixels are kept from look to look; more are read each time. */
const KEPT_BYTES = 64e6;

/** Draws the images of a plan, none of them twice, by the seed. */
export function watchSample(
  dataset: ImageDataset,
  { images, queries }: WatchPlan,
  context: LoaderContext,
): WatchSample {
  const order = randomStream(context.seed, "watching").permutation(dataset.length);
  const part = (from: number, to: number) => {
    const rows = order.slice(from, to).sort();
    return kept(subset(dataset, rows, `${dataset.name}[watching]`), context);
  };
  return { bank: part(queries, images), queries: queries > 0 ? part(0, queries) : undefined };
}

function kept(dataset: ImageDataset, context: LoaderContext): BatchSource {
  const { imageSize, channels } = context.settings;
  const small = 4 * dataset.length * imageSize ** 2 * channels <= KEPT_BYTES;
  // Images that lie in memory and are read once are not worth starting threads for.
  const workers = small && dataset.storage.kind !== "files" ? 0 : context.workers;
  const loader = evalLoader(dataset, { ...context, workers }, "training", 1);
  return small ? rememberingAll(loader) : loader;
}

/** Reads the batches once. */
function rememberingAll(loader: BatchSource): BatchSource {
  let batches: ImageBatch[] | undefined;
  const { batchSize, stepsPerEpoch } = loader;
  return {
    batchSize,
    stepsPerEpoch,
    async *range(start, end, options) {
      if (batches !== undefined) return yield* batches.slice(start, end);
      const read: ImageBatch[] = [];
      for await (const batch of loader.range(start, end, options)) {
        read.push(batch);
        yield batch;
      }
      if (start === 0 && end === stepsPerEpoch) batches = read;
    },
  };
}
