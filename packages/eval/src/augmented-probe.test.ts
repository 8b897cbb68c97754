import { disposeParams, type Params, randomStream } from "@sitjs/core";
import { closeness, leakedTensors } from "@sitjs/core/testing";
import { visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { type LabelledImages, memoryLoader } from "../test/memory-loader.js";
import { augmentedProbe } from "./augmented-probe.js";
import { embed, imageFeatures } from "./embed.js";
import { linearProbe } from "./linear-probe.js";

const [size, classes] = [8, 3];
const vit = visionTransformer({
  imageSize: size,
  patchSize: 4,
  channels: 1,
  width: 16,
  depth: 2,
  heads: 2,
  dropPath: 0.5,
});

/** Stripes of three slopes with noise. */
function stripes(count: number, seed: number): LabelledImages {
  const rng = randomStream(seed, "stripes");
  const labels = Int32Array.from({ length: count }, (_, i) => i % classes);
  const pixels = Float32Array.from({ length: count * size * size }, (_, i) => {
    const [image, pixel] = [Math.floor(i / (size * size)), i % (size * size)];
    const angle = (Math.PI * (image % classes)) / classes;
    return (
      Math.sin(2 * (Math.cos(angle) * (pixel % size) + Math.sin(angle) * Math.floor(pixel / size))) +
      0.2 * rng.normal()
    );
  });
  return { pixels, size, channels: 1, labels, count };
}

for (const engine of await engines()) {
  describe(`linear probe through the frozen network on ${engine.name}`, () => {
    let params: Params;
    beforeAll(async () => {
      await engine.use();
      params = vit.init(randomStream(1));
      return () => disposeParams(params);
    });

    it("comes to what the probe of cached features does where nothing is augmented, and leaves no tensors", async () => {
      const [train, test] = [memoryLoader(stripes(48, 0), 48), memoryLoader(stripes(30, 1), 10)];
      const taken = { features: "token+mean", layers: 2 } as const;
      const how = { classes, epochs: 60, learningRate: 1 };
      const cached = await linearProbe(
        await embed(vit, params, train, taken),
        await embed(vit, params, test, taken),
        {
          ...how,
          batchSize: 48,
        },
      );
      let steps = 0;
      const leaked = await leakedTensors(async () => {
        const result = await augmentedProbe(vit, params, train, test, {
          ...how,
          ...taken,
          onStep: () => steps++,
        });
        // The running variance is the unbiased one, that of all rows is not.
        const { relativeToMax } = closeness(result.logits, cached.logits);
        expect(relativeToMax).toBeLessThan(0.05);
        expect(result.loss).toBeCloseTo(cached.loss, 2);
        expect(result.top1).toBeGreaterThan(0.8);
      });
      expect([leaked, steps]).toEqual([0, 60]);
    });

    it("joins the last blocks after the final norm: the last is the usual feature", () => {
      const images = tf.randomNormal([2, size, size, 1], 0, 1, "float32", 7) as tf.Tensor4D;
      tf.tidy(() => {
        const [one, two] = [1, 2].map((layers) => imageFeatures(vit, params, images, { layers }));
        expect(two?.shape).toEqual([2, 32]);
        const last = tf.slice(two as tf.Tensor, [0, 16], [-1, 16]);
        expect(last.dataSync()).toEqual(one?.dataSync());
        const first = tf.slice(two as tf.Tensor, [0, 0], [-1, 16]);
        const { mean, variance } = tf.moments(first, 1);
        // The norm's scale and shift are still 1 and 0.
        expect(closeness(mean.dataSync(), [0, 0]).maxAbsolute).toBeLessThan(1e-4);
        expect(closeness(variance.dataSync(), [1, 1]).maxAbsolute).toBeLessThan(1e-2);
        expect(closeness(first.dataSync(), last.dataSync()).maxAbsolute).toBeGreaterThan(1e-3);
        expect(() => imageFeatures(vit, params, images, { layers: 3 })).toThrow(
          "layers: expected a whole number from 1 to 2, the blocks, got 3",
        );
        const plain = {
          ...vit,
          apply: (...[own, of]: Parameters<typeof vit.apply>) => vit.apply(own, of, { train: false }),
        };
        expect(() => imageFeatures(plain, params, images, { layers: 2 })).toThrow(
          /gives no outputs of its blocks/,
        );
      });
      images.dispose();
    });
  });
}
