import { type Params, pick, trainable, withoutPrefix } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { dot, expectGradient, expectOutput, gradients } from "../../../fixtures/expect.js";
import { loadFixture } from "../../../fixtures/load.js";
import { fromImages, toImages, toTensor, toTensors } from "../../../fixtures/tensors.js";
import { classifierHead, projectionHead, reconstructionHead, visionTransformer } from "./index.js";

for (const engine of await engines({ plain: true })) {
  describe(`vit_forward on ${engine.name}`, () => {
    const fixture = loadFixture("vit_forward");
    const vit = visionTransformer({ imageSize: 32, patchSize: 8, width: 32, depth: 3, heads: 4 });
    const head = classifierHead({ kind: "two-layer", width: 32, classes: 7 });
    let params: Params;
    beforeAll(async () => {
      await engine.use();
      params = toTensors(fixture.parameters());
    });
    afterAll(() => tf.dispose(Object.values(params)));

    const logits = (all: Params, images: tf.Tensor4D): tf.Tensor2D =>
      head.apply(withoutPrefix("head.", all), vit.apply(all, images, { train: false }).tokens, {
        train: false,
      }).output;

    it("gives the reference's tokens, blocks, attention and logits", async () => {
      const images = toImages(fixture.entry("in/x"));
      const out = vit.apply(params, images, { train: false, attention: true, blocks: true });
      await expectOutput(out.tokens, fixture, "out/tokens");
      expect(out.blocks).toHaveLength(3);
      for (const [i, block] of out.blocks.entries()) await expectOutput(block, fixture, `out/block${i}`);
      expect(out.attention).toHaveLength(3);
      await expectOutput(out.attention[2] as tf.Tensor, fixture, "out/attn_last");
      await expectOutput(logits(params, images), fixture, "out/logits");
    });

    it.each(["48x48", "24x40"])("gives the reference's tokens and position gradient at %s", async (size) => {
      const images = toImages(fixture.entry(`in/x_${size}`));
      const { tokens } = vit.apply(params, images, { train: false });
      await expectOutput(tokens, fixture, `out/tokens_${size}`);
      const cotangent = toTensor(fixture.entry(`in/cot_${size}`));
      const { pos_embed } = gradients(
        (at) => dot(vit.apply({ ...params, ...at }, images, { train: false }).tokens, cotangent),
        { pos_embed: params.pos_embed as tf.Tensor },
      );
      await expectGradient(pos_embed as tf.Tensor, fixture, `grad_tokens_${size}/pos_embed`);
    });

    it("gives the reference's gradients of the tokens, for every parameter and the images", async () => {
      const cotangent = toTensor(fixture.entry("in/cot"));
      const backbone = pick(params, (name) => !name.startsWith("head."));
      const found = gradients(
        ({ images, ...at }) => dot(vit.apply(at, images as tf.Tensor4D, { train: false }).tokens, cotangent),
        { ...backbone, images: toImages(fixture.entry("in/x")) },
      );
      const { images, ...byName } = found;
      expect(Object.keys(byName).sort()).toEqual(
        Object.keys(fixture.under("grad_tokens/"))
          .filter((name) => name !== "in/x")
          .sort(),
      );
      for (const [name, gradient] of Object.entries(byName)) {
        await expectGradient(gradient, fixture, `grad_tokens/${name}`);
      }
      await expectGradient(fromImages(images as tf.Tensor), fixture, "grad_tokens/in/x");
    });

    it("gives the reference's cross-entropy and its gradients through the two-layer classifier", async () => {
      const labels = tf.oneHot(toTensor(fixture.entry("in/labels")) as tf.Tensor1D, 7);
      const crossEntropy = (at: Params, images: tf.Tensor4D): tf.Scalar =>
        tf.losses.softmaxCrossEntropy(labels, logits(at, images)) as tf.Scalar;
      const images = toImages(fixture.entry("in/x"));
      await expectOutput(crossEntropy(params, images), fixture, "out/ce");
      const found = gradients((at) => crossEntropy(at, images), params);
      for (const [name, gradient] of Object.entries(found)) {
        await expectGradient(gradient, fixture, `grad_ce/${name}`);
      }
    });

    it("leaves no tensor behind but its outputs", async () => {
      const images = toImages(fixture.entry("in/x_48x48"));
      const forward = await leakedTensors(() => {
        const out = vit.apply(params, images, { train: false, attention: true, blocks: true });
        tf.dispose([out.tokens, ...out.blocks, ...out.attention]);
      });
      expect(forward).toBe(0);
      const backbone = pick(params, (name) => !name.startsWith("head."));
      const gradient = await leakedTensors(() => {
        const loss = (at: Params): tf.Tensor => tf.sum(vit.apply(at, images, { train: false }).tokens);
        tf.dispose(Object.values(gradients(loss, backbone)));
      });
      expect(gradient).toBe(0);
    });
  });

  describe(`heads_cls on ${engine.name}`, () => {
    const fixture = loadFixture("heads_cls");
    const head = projectionHead({ variant: "official", width: 32, hidden: 64, output: 16 });
    let params: Params;
    beforeAll(async () => {
      await engine.use();
      params = toTensors(fixture.parameters());
    });
    afterAll(() => tf.dispose(Object.values(params)));

    it("normalises by the batch in training and moves the running statistics", async () => {
      const x = toTensor(fixture.entry("in/x")) as tf.Tensor2D;
      const { output, buffers } = head.apply(params, x, { train: true });
      await expectOutput(output, fixture, "out/train");
      const after = fixture.under("after/");
      expect(Object.keys(buffers).sort()).toEqual(Object.keys(after).sort());
      for (const [name, buffer] of Object.entries(buffers)) {
        expect(buffer.dtype, name).toBe(name.endsWith("num_batches_tracked") ? "int32" : "float32");
        await expectOutput(buffer, fixture, `after/${name}`);
      }
    });

    it("uses the running statistics in evaluation and changes none", async () => {
      const after = { ...params, ...toTensors(fixture.under("after/")) };
      const x = toTensor(fixture.entry("in/x_eval")) as tf.Tensor2D;
      const { output, buffers } = head.apply(after, x, { train: false });
      await expectOutput(output, fixture, "out/eval");
      expect(buffers).toEqual({});
    });

    it("gives the reference's gradients", async () => {
      const cotangent = toTensor(fixture.entry("in/cot"));
      const found = gradients(
        ({ "in/x": x, ...at }) =>
          dot(head.apply({ ...params, ...at }, x as tf.Tensor2D, { train: true }).output, cotangent),
        { ...trainable(params), "in/x": toTensor(fixture.entry("in/x")) },
      );
      expect(Object.keys(found).sort()).toEqual(Object.keys(fixture.under("grad/")).sort());
      for (const [name, gradient] of Object.entries(found)) {
        await expectGradient(gradient, fixture, `grad/${name}`);
      }
    });
  });

  describe(`heads_rec on ${engine.name}`, () => {
    const fixture = loadFixture("heads_rec");
    const head = reconstructionHead({ variant: "official", width: 32, patchSize: 8 });
    const rebuild = (params: Params, patches: tf.Tensor): tf.Tensor4D =>
      fromImages(
        head.apply(params, { patches: patches as tf.Tensor3D, grid: [4, 4] }, { train: true }).output,
      );
    beforeAll(() => engine.use());

    it("gives the reference's images and gradients", async () => {
      const params = toTensors(fixture.parameters());
      const patches = toTensor(fixture.entry("in/x"));
      const cotangent = toTensor(fixture.entry("in/cot"));
      await expectOutput(rebuild(params, patches), fixture, "out/rec");
      const found = gradients(({ "in/x": x, ...at }) => dot(rebuild(at, x as tf.Tensor), cotangent), {
        ...params,
        "in/x": patches,
      });
      expect(Object.keys(found).sort()).toEqual(Object.keys(fixture.under("grad/")).sort());
      for (const [name, gradient] of Object.entries(found)) {
        await expectGradient(gradient, fixture, `grad/${name}`);
      }
    });
  });
}
