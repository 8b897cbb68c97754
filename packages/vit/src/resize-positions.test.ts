import { disposeParams, randomStream } from "@sitjs/core";
import { closeness, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { resizePositions, visionTransformer } from "./index.js";

const network = (imageSize: number, more: object = {}) =>
  visionTransformer({ imageSize, patchSize: 4, channels: 1, width: 16, depth: 1, heads: 2, ...more });

for (const engine of await engines()) {
  describe(`positions of another size on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it.each([20, 40])(
      "make a network of %d pixels that computes what the old one does on such images",
      async (size) => {
        const leaked = await leakedTensors(() => {
          const [small, large] = [network(28), network(size)];
          const params = small.init(randomStream(0));
          const resized = resizePositions(params, { from: 7, to: size / 4 });
          expect(resized.pos_embed?.shape).toEqual([1, 1 + (size / 4) ** 2, 16]);
          const images = tf.randomNormal([2, size, size, 1]) as tf.Tensor4D;
          const outputs = [
            small.apply(params, images, { train: false }).tokens,
            large.apply(resized, images, { train: false }).tokens,
          ] as const;
          const [expected, got] = [outputs[0].dataSync(), outputs[1].dataSync()];
          expect(closeness(got, expected, { absolute: 2e-6 }).excess).toBeLessThanOrEqual(0);
          tf.dispose([...outputs, images, resized.pos_embed]);
          disposeParams(params);
        });
        expect(leaked).toBe(0);
      },
    );

    it("keep the class token's, and are a copy for the same size", () => {
      const params = network(28).init(randomStream(0));
      const old = params.pos_embed?.dataSync() ?? [];
      const [larger, same] = [9, 7].map((to) => resizePositions(params, { from: 7, to }));
      expect(Array.from(larger?.pos_embed?.dataSync().slice(0, 16) ?? [])).toEqual(
        Array.from(old.slice(0, 16)),
      );
      expect(same?.pos_embed?.dataSync()).toEqual(old);
      expect(larger?.cls_token).toBe(params.cls_token);
      tf.dispose([larger?.pos_embed, same?.pos_embed]);
      disposeParams(params);
    });

    it("need nothing where they are no parameters, and are refused where they are relative", () => {
      const fixed = network(28, { positions: "sincos" }).init(randomStream(0));
      expect(resizePositions(fixed, { from: 7, to: 9 })).toBe(fixed);
      disposeParams(fixed);
      const options = { positions: "none", relativePositions: true };
      const relative = network(28, options).init(randomStream(0));
      expect(() => resizePositions(relative, { from: 7, to: 9 })).toThrow(
        "imageSize: expected the size the network was trained at, for its relative positions are of 7 x 7 patches, got 9 x 9",
      );
      disposeParams(relative);
      const learned = network(28).init(randomStream(0));
      expect(() => resizePositions(learned, { from: 8, to: 9 })).toThrow(
        "pos_embed: expected [1, 65, width], got [1, 50, 16]",
      );
      disposeParams(learned);
    });
  });
}
