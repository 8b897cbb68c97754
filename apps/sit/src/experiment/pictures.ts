import type { ChannelStatistics } from "@sitjs/augment";
import { type Params, randomStream, tidy } from "@sitjs/core";
import type { ImageDataset } from "@sitjs/data";
import type { Method } from "@sitjs/train";
import * as tf from "@tensorflow/tfjs";
import { drawImages } from "./data.js";
import { evalLoader, type LoaderContext } from "./loaders.js";

/** A picture of bytes, rows from the top, channels interleaved. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** One image in the four states that show what was learned. */
export interface ReconstructionPictures {
  readonly clean: Picture;
  readonly corrupted: Picture;
  /** White where corrupted. */
  readonly mask: Picture;
  readonly reconstruction: Picture;
}

/**
 * Corrupts `count` images drawn by the seed and has the network reconstruct them.
 * @returns undefined where the method does not reconstruct
 */
export async function reconstructionPictures(options: {
  readonly method: Method;
  /** The student's parameters. */
  readonly params: Params;
  readonly dataset: ImageDataset;
  readonly part: "training" | "test";
  readonly count: number;
  readonly context: LoaderContext;
}): Promise<ReconstructionPictures[] | undefined> {
  const { method, params, dataset, part, count, context } = options;
  const { reconstruct } = method;
  if (reconstruct === undefined) return undefined;
  const drawn = drawImages(dataset, Math.min(count, dataset.length), context.seed, "pictures");
  const loader = evalLoader(drawn, { ...context, workers: 0 }, part, 1);
  for await (const batch of loader.range(0, 1)) {
    const view = batch.views[0] as (typeof batch.views)[number];
    const rng = randomStream(context.seed, "pictures", dataset.name);
    const { corrupted, mask, reconstruction } = tidy(() =>
      reconstruct(params, tf.tensor4d(view.data, [...view.shape]), rng),
    );
    const [corruptedData, maskData, reconstructionData] = await Promise.all(
      [corrupted, mask, reconstruction].map((tensor) => tensor.data() as Promise<Float32Array>),
    );
    tf.dispose([corrupted, mask, reconstruction]);
    const [batchSize, height, width] = view.shape;
    const { statistics } = context;
    const pictures = (data: Float32Array | undefined, as: ChannelStatistics) =>
      Array.from({ length: batchSize }, (_, i) => toPicture(data as Float32Array, i, width, height, as));
    const clean = pictures(view.data, statistics);
    const after = pictures(corruptedData, statistics);
    const masks = pictures(maskData, { mean: [0], deviation: [1] });
    const rebuilt = pictures(reconstructionData, statistics);
    return clean.map((picture, i) => ({
      clean: picture,
      corrupted: after[i] as Picture,
      mask: masks[i] as Picture,
      reconstruction: rebuilt[i] as Picture,
    }));
  }
  return undefined;
}

/** Image `index` of normalised pixels [batch, height, width, channels] as bytes. */
export function toPicture(
  data: Float32Array,
  index: number,
  width: number,
  height: number,
  { mean, deviation }: ChannelStatistics,
): Picture {
  const channels = mean.length as 1 | 3;
  const size = width * height * channels;
  const bytes = Uint8ClampedArray.from({ length: size }, (_, i) => {
    const value = data[index * size + i] as number;
    return 255 * (value * (deviation[i % channels] as number) + (mean[i % channels] as number));
  });
  return { width, height, channels, data: new Uint8Array(bytes.buffer) };
}
