// MoCo v3, SimCLR and DeepCluster learn: the loss falls, on images as they come from the real loader.
import { crossEntropy, infoNce, ntXent } from "@sitjs/losses";
import { mocoHeads, perceptronHead, projectionHead, visionTransformer } from "@sitjs/vit";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { learningCurve } from "../../test/learning.js";
import { greyImages } from "../../test/real-images.js";
import type { Method } from "../method.js";
import { deepCluster } from "./deep-cluster.js";
import { mocoV3 } from "./moco-v3.js";
import { simclr } from "./simclr.js";

const [batchSize, steps, width, clusters] = [16, 30, 32, 5];
const { size, channels } = await greyImages(1);

const backbone = visionTransformer({
  imageSize: size,
  patchSize: 7,
  channels,
  width,
  depth: 2,
  heads: 2,
  initialization: "xavier",
});
const heads = { width, hidden: 64, output: 32, initialization: "xavier" } as const;

const cases: { method: Method; count: number; share: number }[] = [
  { method: mocoV3({ backbone, ...mocoHeads(heads), loss: infoNce() }), count: 64, share: 0.92 },
  {
    method: simclr({ backbone, head: projectionHead({ ...heads, layers: 2 }), loss: ntXent() }),
    count: 64,
    share: 0.95,
  },
  {
    // All steps are of one epoch: the next one would begin with other classes.
    method: deepCluster({
      backbone,
      head: perceptronHead({ width, output: clusters }),
      loss: crossEntropy(),
      clusters,
      images: batchSize * steps,
    }),
    count: batchSize * steps,
    share: 0.8,
  },
];

for (const engine of await engines()) {
  describe(`learning on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it.each(cases)(
      "$method.name: the loss falls in 30 steps on real images",
      async ({ method, count, share }) => {
        const { dataset } = await greyImages(count);
        const curve = await learningCurve(method, dataset, { learningRate: 4e-3, steps });
        const { before, after } = curve.loss as { before: number; after: number };
        expect(after, `from ${before} to ${after}`).toBeLessThan(share * before);
      },
    );
  });
}
