import { requireOption } from "@sitjs/core/errors";
import { bytesOf, floatsOf, type Image } from "./image.js";
import { kernelMemory, kernels, layOut } from "./kernels.js";

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
  const tables = Float32Array.from({ length: channels * 256 }, (_, i) => {
    const channel = i >> 8;
    return scaled(Math.fround((i & 255) / 255), mean[channel] as number, deviation[channel] as number);
  });
  return {
    write(image, out, offset, mirrored = false) {
      requireOption(
        image.channels === channels || image.channels === 1,
        "image.channels",
        channels === 1 ? "1" : "1 or 3",
        image.channels,
      );
      const bytes = bytesOf(image);
      if (bytes !== undefined) {
        writeLevels(bytes, image, tables, out, offset, mirrored);
        return;
      }
      const floats = floatsOf(image);
      for (let channel = 0; channel < channels; channel++) {
        const route: Route = { channel, channels, offset, mirrored };
        writeFloats(floats, image, mean[channel] as number, deviation[channel] as number, out, route);
      }
    },
  };
}

/** Which channel is written, and how it lies in the result. */
interface Route {
  readonly channel: number;
  readonly channels: number;
  readonly offset: number;
  readonly mirrored: boolean;
}

/** Floats that are written at a time: they stay in the processor's second cache on their way. */
const PIECE = 48 * 1024;

function writeLevels(
  source: Uint8Array,
  { width, height, channels: step }: Image,
  tables: Float32Array,
  out: Float32Array,
  offset: number,
  mirrored: boolean,
): void {
  const { normalize } = kernels();
  const channels = tables.length / 256;
  const rowLength = width * channels;
  const pieceRows = Math.min(height, Math.max(1, Math.floor(PIECE / rowLength)));
  const [table, from, to] = layOut(
    tables.byteLength,
    pieceRows * width * step,
    pieceRows * rowLength * 4,
  ) as [number, number, number];
  const memory = kernelMemory();
  memory.set(new Uint8Array(tables.buffer), table);
  for (let y = 0; y < height; y += pieceRows) {
    const rows = Math.min(pieceRows, height - y);
    memory.set(source.subarray(y * width * step, (y + rows) * width * step), from);
    normalize(from, step, width, rows, table, channels, mirrored, to);
    out.set(new Float32Array(memory.buffer, to, rows * rowLength), offset + y * rowLength);
  }
}

function writeFloats(
  source: Float32Array,
  { width, height, channels: step }: Image,
  mean: number,
  deviation: number,
  out: Float32Array,
  { channel, channels, offset, mirrored }: Route,
): void {
  const stride = mirrored ? -channels : channels;
  let from = step === 1 ? 0 : channel;
  for (let y = 0; y < height; y++) {
    let to = offset + (y * width + (mirrored ? width - 1 : 0)) * channels + channel;
    for (let x = 0; x < width; x++) {
      out[to] = scaled(source[from] as number, mean, deviation);
      to += stride;
      from += step;
    }
  }
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
