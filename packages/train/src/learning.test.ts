// The sanity test of every training loop: the loss falls, on images as they come from the real loader.

import { sitViews } from "@sitjs/augment";
import { SitError } from "@sitjs/core";
import { batches, fashionMnist, type ImageDataset, memoryDataset, subset } from "@sitjs/data";
import { crossViewNtXent, maskedL1 } from "@sitjs/losses";
import { gmml } from "@sitjs/masking";
import { projectionHead, reconstructionHead, visionTransformer } from "@sitjs/vit";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { sit } from "./methods/sit.js";
import { adamW } from "./optimizer.js";
import { pretrain } from "./pretrain.js";
import { disposeState, type TrainState } from "./step.js";

const IMAGES = 64;

/** Fashion-MNIST where Debian's package is installed, else stripes of many slopes; never from the network. */
async function images(): Promise<ImageDataset> {
  try {
    const all = await fashionMnist({ split: "test", source: "debian" });
    return subset(
      all,
      Array.from({ length: IMAGES }, (_, i) => i),
    );
  } catch (error) {
    if (!SitError.isInstance(error)) throw error;
    console.info("Fashion-MNIST is not on this machine: stripes instead");
    const pixels = Uint8Array.from({ length: IMAGES * 784 }, (_, i) => {
      const [image, pixel] = [Math.floor(i / 784), i % 784];
      const angle = 0.2 + 0.02 * image;
      return 127 + 120 * Math.sin(angle * (pixel % 28) + (1 - angle) * Math.floor(pixel / 28) + image);
    });
    return memoryDataset({ pixels, width: 28, height: 28, channels: 1 });
  }
}

const dataset = await images();

for (const engine of await engines()) {
  describe(`learning on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("loss falls in 30 steps on real images, both parts of it", async () => {
      const [size, patchSize, width] = [28, 7, 32];
      const method = sit({
        backbone: visionTransformer({ imageSize: size, patchSize, channels: 1, width, depth: 2, heads: 2 }),
        corruption: gmml(),
        reconstruction: {
          head: reconstructionHead({ width, patchSize, channels: 1, hidden: 64 }),
          loss: maskedL1(),
        },
        contrast: { head: projectionHead({ width, hidden: 64, output: 32 }), loss: crossViewNtXent() },
        alpha: 1,
      });
      const views = sitViews({ size, preset: "small", mean: [0.286], deviation: [0.353] });
      const loader = batches(dataset, { views, batchSize: 16, seed: 1, workers: 0 });
      const seen: Record<string, number>[] = [];
      let last: TrainState | undefined;
      const schedules = { learningRate: () => 2e-3 };
      const optimizer = adamW({ clipping: { perParameter: 3 } });
      for await (const { metrics, state } of pretrain(method, loader, { steps: 30, schedules, optimizer })) {
        seen.push({ ...metrics });
        last = state;
      }
      disposeState(last as TrainState);
      const mean = (part: string, from: number, to: number) =>
        seen.slice(from, to).reduce((sum, metrics) => sum + (metrics[part] as number), 0) / (to - from);
      for (const part of ["loss", "reconstruction", "contrast"]) {
        const [before, after] = [mean(part, 0, 5), mean(part, 25, 30)];
        expect(after, `${part} from ${before} to ${after}`).toBeLessThan(0.95 * before);
      }
    });
  });
}
