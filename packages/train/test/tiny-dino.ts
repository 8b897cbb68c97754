// DINO on pictures of 16 x 16 and small crops of 8 x 8, in milliseconds.
import { randomStream } from "@sitjs/core";
import { dinoLoss, teacherTemperatures } from "@sitjs/losses";
import { dinoHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { type DinoOptions, dino } from "../src/methods/dino.js";
import { memoryLoader } from "./memory-loader.js";

export const [width, patchSize, imageSize, localSize, localCrops] = [16, 4, 16, 8, 3];
export const vit = (dropPath: number, depth = 1) =>
  visionTransformer({ imageSize, patchSize, width, depth, heads: 2, dropPath, initialization: "xavier" });
export const head = dinoHead({ width, hidden: 24, bottleneck: 8, output: 12, initialization: "xavier" });

export function tinyDino(changes: Partial<DinoOptions> = {}) {
  return dino({
    backbone: vit(0),
    head,
    loss: dinoLoss(),
    teacherTemperature: teacherTemperatures({ start: 0.1, final: 0.3, warmupEpochs: 3 }),
    localCrops,
    ...changes,
  });
}

/** Random pixels: [4, size, size, 3] each, two large and then the small ones. */
export const crops = () =>
  Array.from({ length: 2 + localCrops }, (_, view) => {
    const size = view < 2 ? imageSize : localSize;
    const values = randomStream(0, "crops", view).fillNormal(new Float32Array(4 * size * size * 3));
    return tf.tensor4d(values, [4, size, size, 3]);
  });

/** 3 steps an epoch, crops of both sizes. */
export const loader = () =>
  memoryLoader({
    images: 12,
    batchSize: 4,
    views: 2 + localCrops,
    size: [imageSize, imageSize, ...Array<number>(localCrops).fill(localSize)],
  });
