import { requireOption } from "@sitjs/core/errors";
import { bytesOf, floatsOf, type Image } from "./image.js";

/** Mean and standard deviation of each channel, of values scaled to 0..1. */
export interface ChannelStatistics {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** The statistics of ImageNet's training images that nearly every published ViT is normalised with. */
export const imageNetStatistics: ChannelStatistics = {
  mean: [0.485, 0.456, 0.406],
  deviation: [0.229, 0.224, 0.225],
};

/** Writes normalised pixels, `(value - mean) / deviation`, as float32 [height, width, channels]. */
export interface Normalizer {
  /** Writes from `offset` on; `mirrored` exchanges left and right on the way. A grey image fills three channels. */
  write(image: Image, out: Float32Array, offset: number, mirrored?: boolean): void;
}

/**
 * Makes a normaliser for `mean.length` channels; values are scaled to 0..1 first, as torchvision's `ToTensor`.
 * Throws `SitError("bad-option")` unless there are 1 or 3 means and as many positive deviations.
 */
export function normalizer({ mean, deviation }: ChannelStatistics): Normalizer {
  const channels = checkStatistics({ mean, deviation });
  // 256 results a channel, in the reference's float32 steps.
  const tables = mean.map((m, channel) =>
    Float32Array.from({ length: 256 }, (_, level) =>
      scaled(Math.fround(level / 255), m, deviation[channel] as number),
    ),
  );
  return {
    write(image, out, offset, mirrored = false) {
      const { width, height } = image;
      const bytes = bytesOf(image);
      const step = image.channels === channels ? channels : 1;
      requireOption(image.channels === step, "image.channels", `1 or ${channels}`, image.channels);
      for (let channel = 0; channel < channels; channel++) {
        const within = step === 1 ? 0 : channel;
        const from = bytes ?? floatsOf(image);
        const table = tables[channel] as Float32Array;
        const m = mean[channel] as number;
        const d = deviation[channel] as number;
        for (let y = 0; y < height; y++) {
          let to = offset + (y * width + (mirrored ? width - 1 : 0)) * channels + channel;
          const stride = mirrored ? -channels : channels;
          const start = y * width * step + within;
          const end = start + width * step;
          if (bytes !== undefined) {
            for (let i = start; i < end; i += step) {
              out[to] = table[bytes[i] as number] as number;
              to += stride;
            }
          } else {
            for (let i = start; i < end; i += step) {
              out[to] = scaled(from[i] as number, m, d);
              to += stride;
            }
          }
        }
      }
    },
  };
}

function scaled(value: number, mean: number, deviation: number): number {
  return Math.fround(Math.fround(value - Math.fround(mean)) / Math.fround(deviation));
}

/** Throws `SitError("bad-option")` for statistics that cannot normalise; returns the number of channels. */
export function checkStatistics({ mean, deviation }: ChannelStatistics, name = ""): 1 | 3 {
  const numbers = (values: readonly number[]) => Array.isArray(values) && values.every(Number.isFinite);
  requireOption(
    numbers(mean) && (mean.length === 1 || mean.length === 3),
    `${name}mean`,
    "1 or 3 numbers, of values scaled to 0..1",
    mean,
  );
  requireOption(
    numbers(deviation) && deviation.length === mean.length && deviation.every((value) => value > 0),
    `${name}deviation`,
    `${mean.length} positive numbers, of values scaled to 0..1`,
    deviation,
  );
  return mean.length === 1 ? 1 : 3;
}

/**
 * The mean and deviation of each channel over all pixels of the images (all of one channel count), for normalising with
 * the data set's own. Throws `SitError("bad-option")` for no images, or where channels differ.
 */
export function channelStatistics(images: Iterable<Image>): ChannelStatistics {
  let channels = 0;
  let pixels = 0;
  let sum = new Float64Array(0);
  let squares = new Float64Array(0);
  for (const image of images) {
    if (channels === 0) {
      channels = image.channels;
      sum = new Float64Array(channels);
      squares = new Float64Array(channels);
    }
    requireOption(image.channels === channels, "images", `${channels} channels in each`, image.channels);
    const unit = image.data instanceof Float32Array ? 1 : 255;
    for (let i = 0; i < image.data.length; i++) {
      const value = (image.data[i] as number) / unit;
      const channel = i % channels;
      sum[channel] = (sum[channel] as number) + value;
      squares[channel] = (squares[channel] as number) + value * value;
    }
    pixels += image.width * image.height;
  }
  requireOption(pixels > 0, "images", "at least one image", "none");
  const mean = Array.from(sum, (value) => value / pixels);
  const deviation = Array.from(squares, (value, i) =>
    Math.sqrt(Math.max(0, value / pixels - (mean[i] as number) ** 2)),
  );
  return { mean, deviation };
}
