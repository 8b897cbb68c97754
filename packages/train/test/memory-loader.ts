import { randomStream } from "@sitjs/core";
import type { BatchSource, ImageBatch } from "../src/loader.js";

export interface MemoryLoaderOptions {
  /** Images per epoch; a multiple of the batch. */
  images: number;
  batchSize: number;
  views: number;
  /** Sides of all views, or of each. */
  size: number | readonly number[];
  channels?: number;
}

/** Batches made by a formula, the same whenever asked for; counts how often an iteration was opened and closed. */
export interface MemoryLoader extends BatchSource {
  readonly opened: () => number;
  readonly closed: () => number;
}

/** Smooth stripes, one slope and phase per image, shifted a little from view to view. */
export function memoryLoader(options: MemoryLoaderOptions): MemoryLoader {
  const { images, batchSize, views, channels = 3 } = options;
  const stepsPerEpoch = images / batchSize;
  const sizeOf = (view: number): number =>
    typeof options.size === "number" ? options.size : (options.size[view] as number);
  let [opened, closed] = [0, 0];

  const pixels = (index: number, view: number, epoch: number, target: Float32Array, offset: number) => {
    const rng = randomStream(7, index);
    const [across, down, phase] = [rng.between(0.2, 1.2), rng.between(0.2, 1.2), rng.between(0, 6)];
    const size = sizeOf(view);
    const shift = phase + 0.3 * view + 0.1 * epoch;
    for (let i = 0; i < size * size * channels; i++) {
      const [channel, pixel] = [i % channels, Math.floor(i / channels)];
      const [row, column] = [Math.floor(pixel / size), pixel % size];
      target[offset + i] = Math.sin(across * column + down * row + shift + channel);
    }
  };
  const batchAt = (step: number): ImageBatch => {
    const epoch = Math.floor(step / stepsPerEpoch);
    const first = (step % stepsPerEpoch) * batchSize;
    const indices = Int32Array.from({ length: batchSize }, (_, i) => first + i);
    return {
      views: Array.from({ length: views }, (_, view) => {
        const size = sizeOf(view);
        const data = new Float32Array(batchSize * size * size * channels);
        indices.forEach((index, i) => {
          pixels(index, view, epoch, data, i * size * size * channels);
        });
        return { data, shape: [batchSize, size, size, channels] };
      }),
      indices,
      epoch,
      step,
    };
  };
  return {
    batchSize,
    stepsPerEpoch,
    async *range(start, end) {
      opened++;
      try {
        for (let step = start; step < end; step++) yield batchAt(step);
      } finally {
        closed++;
      }
    },
    opened: () => opened,
    closed: () => closed,
  };
}
