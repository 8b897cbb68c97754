import { type Backbone, disposeParams, type Params, type TokenHead, trainable } from "@sitjs/core";
import { compareTo, leakedTensors } from "@sitjs/core/testing";
import { ntXent } from "@sitjs/losses";
import { projectionHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { loadFixture } from "../../../../fixtures/load.js";
import { toTensor } from "../../../../fixtures/tensors.js";
import { memoryLoader } from "../../test/memory-loader.js";
import { randomViews } from "../../test/method-checks.js";
import { drawnParams, expectGradients, gradientsOf, lossOf } from "../../test/method-values.js";
import { bits, runAll, stateBits } from "../../test/runs.js";
import type { Method } from "../method.js";
import { disposeState } from "../step.js";
import { simclr } from "./simclr.js";

const [size, width] = [8, 16];

const tiny = (): Method =>
  simclr({
    backbone: visionTransformer({ imageSize: size, patchSize: 4, width, depth: 1, heads: 2, dropPath: 0 }),
    head: projectionHead({ width, hidden: 12, output: 8, layers: 2, initialization: "xavier" }),
    loss: ntXent({ temperature: 0.5 }),
  });

const loader = () => memoryLoader({ images: 12, batchSize: 4, views: 2, size });

const views = () => randomViews({ views: 2, batch: 8, size });

/** A network whose class token is its parameter, a row for each image of both views, whatever the images. */
function tokensAsGiven(features: number): Method {
  const backbone = {
    name: "given tokens",
    width: features,
    patchSize: 1,
    apply: (params: Params) => ({
      tokens: tf.expandDims(params.tokens as tf.Tensor2D, 1) as tf.Tensor3D,
      blocks: [],
      attention: [],
    }),
  } as unknown as Backbone;
  const head: TokenHead = {
    name: "identity",
    init: () => ({}),
    apply: (_, tokens) => ({ output: tokens, buffers: {} }),
  };
  return simclr({ backbone, head, loss: ntXent({ temperature: 0.2 }) });
}

for (const engine of await engines({ plain: true })) {
  describe(`SimCLR on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("gives the reference's loss and gradients of both views (fixture loss_ntxent_2n)", async () => {
      const fixture = loadFixture("loss_ntxent_2n");
      const [a, b] = [toTensor(fixture.entry("in/a")), toTensor(fixture.entry("in/b"))];
      const images = tf.zeros([6, 1, 1, 1]) as tf.Tensor4D;
      const student = { "backbone.tokens": tf.concat([a, b]) };
      const method = tokensAsGiven(16);
      const { loss } = lossOf(method, student, { views: [images, images] });
      expect(Math.abs((loss as number) / fixture.scalar("out/T0.2/loss") - 1)).toBeLessThan(5e-6);
      const gradients = gradientsOf(method, student, { views: [images, images] });
      const [ofA, ofB] = tf.split(gradients["backbone.tokens"] as tf.Tensor, 2);
      for (const [name, gradient] of Object.entries({ a: ofA, b: ofB })) {
        const { maxAbsolute } = await compareTo(gradient as tf.Tensor, fixture.entry(`grad/T0.2/in/${name}`));
        expect(maxAbsolute, name).toBeLessThan(1e-6);
      }
    });

    it("does not mind which view is first, nor the order of the pairs, but whose pair is whose", () => {
      const method = tiny();
      const student = drawnParams(method);
      const [first, second] = views() as [tf.Tensor4D, tf.Tensor4D];
      const order = tf.tensor1d([3, 1, 7, 0, 2, 6, 5, 4], "int32");
      const of = (...views: tf.Tensor4D[]) => lossOf(method, student, { views }).loss as number;
      const loss = of(first, second);
      expect(of(second, first)).toBeCloseTo(loss, 4);
      expect(of(tf.gather(first, order), tf.gather(second, order))).toBeCloseTo(loss, 4);
      expect(Math.abs(of(first, tf.gather(second, order)) - loss)).toBeGreaterThan(1e-2);
      disposeParams(student);
    });

    it("gives log(2N - 1) where all images are the same", () => {
      const method = tokensAsGiven(4);
      const images = tf.zeros([5, 1, 1, 1]) as tf.Tensor4D;
      const student = { "backbone.tokens": tf.ones([10, 4]) };
      expect(lossOf(method, student, { views: [images, images] }).loss).toBeCloseTo(Math.log(9), 5);
    });

    it("has the gradients that central differences say, in every module", async () => {
      const names = [
        "backbone.patch_embed.proj.weight",
        "backbone.cls_token",
        "backbone.blocks.0.attn.qkv.weight",
        "backbone.blocks.0.mlp.fc1.weight",
        "head.mlp.0.weight",
        "head.mlp.1.bias",
        "head.mlp.3.weight",
      ];
      await expectGradients(tiny(), { views: views() }, names, { step: 3e-3 });
    });

    it("has no teacher, and running statistics that see both views at once", async () => {
      const { state } = await runAll({ steps: 3 }, loader(), tiny());
      expect(state.teacher).toBeUndefined();
      expect(state.student["head.mlp.1.num_batches_tracked"]?.dataSync()[0]).toBe(3);
      expect(Object.keys(trainable(state.student)).every((name) => /^(backbone|head)\./.test(name))).toBe(
        true,
      );
      disposeState(state);
    });

    it("the same seed gives the same run, and a run leaves no tensor but its state", async () => {
      const first = await runAll({ steps: 5, seed: 3 }, loader(), tiny());
      const leaked = await leakedTensors(async () => {
        const second = await runAll({ steps: 5, seed: 3 }, loader(), tiny());
        expect(stateBits(second.state)).toEqual(stateBits(first.state));
        disposeState(second.state);
      });
      expect(leaked).toBe(0);
      const other = await runAll({ steps: 5, seed: 4 }, loader(), tiny());
      expect(bits(other.state.student)).not.toEqual(bits(first.state.student));
      disposeState(first.state);
      disposeState(other.state);
    });
  });
}
