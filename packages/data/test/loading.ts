/** What the loader's tests share. */
import { moduleTransform, sitViews, type ViewSpec } from "@sitjs/augment";
import { randomStream } from "@sitjs/core/random";
import { type Batch, type ImageDataset, memoryDataset } from "../src/index.js";

export async function all(iterable: AsyncIterable<Batch>): Promise<Batch[]> {
  const list: Batch[] = [];
  for await (const batch of iterable) list.push(batch);
  return list;
}

/** Colour images of 8 x 8 random pixels; the first value of image `i` is `i`. */
export function noiseImages(length: number): ImageDataset {
  const size = 8 * 8 * 3;
  const rng = randomStream(5, "pixels");
  const pixels = Uint8Array.from({ length: length * size }, (_, i) =>
    i % size === 0 ? i / size : rng.integer(0, 256),
  );
  const labels = Array.from({ length }, (_, i) => i % 4);
  return memoryDataset({ pixels, width: 8, height: 8, channels: 3, labels });
}

export interface Fault {
  readonly fault: "none" | "exit" | "throw" | "uncaught" | "loop" | "sleep" | "heap" | "allocation" | "pipe";
  /** The image at which it happens. */
  readonly image: number;
  /** How many times; default 1. */
  readonly times?: number;
  /** Path of a file that does not exist, for counting. */
  readonly counter: string;
}

/** Two random views of 6 x 6, the first with a transform that goes wrong. */
export function faultyViews(options: Fault): ViewSpec[] {
  const url = new URL("./faulty-transform.mjs", import.meta.url).href;
  const [first, second] = sitViews({ size: 6, preset: "small" });
  return [{ ...first, transforms: [moduleTransform({ url, options }), ...first.transforms] }, second];
}

/** Rejects, saying what did not happen, unless the promise settles in time: a test that fails and does not hang. */
export async function within<T>(seconds: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${seconds} s: ${what}`)), 1000 * seconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
