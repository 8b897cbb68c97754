import type { Backbone, Params } from "@sitjs/core";
import type { ImageDataset } from "@sitjs/data";
import { embed, type FeatureOptions, type LabelledFeatures } from "@sitjs/eval";
import { evalLoader, type LoaderContext } from "./loaders.js";
import type { Stage } from "./reporter.js";

/** Features of all training and test images, each computed once. */
export async function features(of: {
  readonly backbone: Backbone;
  readonly params: Params;
  readonly train: ImageDataset;
  readonly test: ImageDataset;
  readonly context: LoaderContext;
  readonly taken?: FeatureOptions;
  readonly progress: Stage["progress"];
  readonly signal?: AbortSignal | undefined;
}): Promise<{ train: LabelledFeatures; test: LabelledFeatures }> {
  const { backbone, params, train, test, context, taken, progress, signal } = of;
  const total = train.length + test.length;
  const started = performance.now();
  const part = async (dataset: ImageDataset, name: "training" | "test", before: number) => {
    const loader = evalLoader(dataset, context, name);
    return await embed(backbone, params, loader, {
      ...taken,
      onBatch(batch) {
        signal?.throwIfAborted();
        const done = before + Math.min(batch * loader.batchSize, dataset.length);
        const imagesPerSecond = done / ((performance.now() - started) / 1000);
        progress({ done, imagesPerSecond, secondsLeft: (total - done) / imagesPerSecond });
      },
    });
  };
  return { train: await part(train, "training", 0), test: await part(test, "test", train.length) };
}
