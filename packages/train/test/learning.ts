// Training on images as they come from the real loader: does the loss fall?
import { sitViews, type ViewSpec } from "@sitjs/augment";
import { batches, type ImageDataset } from "@sitjs/data";
import type { Method } from "../src/method.js";
import { adamW } from "../src/optimizer.js";
import { pretrain } from "../src/pretrain.js";
import { disposeState, type TrainState } from "../src/step.js";

/** SiT's two views of grey images of 28 x 28 (`greyImages`). */
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
