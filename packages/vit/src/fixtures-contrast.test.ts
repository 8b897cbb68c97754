import { l2Normalize, type Params, trainable, withoutPrefix, withPrefix } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { dot, expectGradient, expectOutput, gradients } from "../../../fixtures/expect.js";
import { loadFixture } from "../../../fixtures/load.js";
import { toImages, toTensor, toTensors } from "../../../fixtures/tensors.js";
import { dinoHead, mocoHeads, visionTransformer } from "./index.js";

for (const engine of await engines({ plain: true })) {
  describe(`mocov3 on ${engine.name}`, () => {
    const fixture = loadFixture("mocov3");
    const vit = visionTransformer({
      imageSize: 32,
      patchSize: 8,
      width: 32,
      depth: 1,
      heads: 4,
      dropPath: 0,
      positions: "sincos-moco",
    });
    const { projector, predictor } = mocoHeads({ width: 32, hidden: 48, output: 16 });
    let params: Params;
    beforeAll(async () => {
      await engine.use();
      params = toTensors(fixture.parameters());
    });
    afterAll(() => tf.dispose(Object.values(params)));
    const head = (): Params => withoutPrefix("base_encoder.head.", params);

    it("gives the reference's features", async () => {
      const images = toImages(fixture.entry("in/x1"));
      const encoder = withoutPrefix("base_encoder.", params);
      const { tokens } = vit.apply(encoder, images, { train: true });
      await expectOutput(tokens, fixture, "out/features_x1");
    });

    it("gives the reference's projections and predictions, in training and in evaluation", async () => {
      const h = toTensor(fixture.entry("in/h")) as tf.Tensor2D;
      const p = toTensor(fixture.entry("in/p")) as tf.Tensor2D;
      await expectOutput(projector.apply(head(), h, { train: true }).output, fixture, "out/projector");
      await expectOutput(projector.apply(head(), h, { train: false }).output, fixture, "out/projector_eval");
      const predicted = predictor.apply(withoutPrefix("predictor.", params), p, { train: true });
      await expectOutput(predicted.output, fixture, "out/predictor");
    });

    it("gives the reference's gradients and running statistics of a whole step", async () => {
      const [x1, x2] = [toImages(fixture.entry("in/x1")), toImages(fixture.entry("in/x2"))];
      /** Of one view, [batch, features], with the head's buffers after it. */
      const project = (at: Params, prefix: string, view: tf.Tensor4D) => {
        const { tokens } = vit.apply(withoutPrefix(prefix, at), view, { train: true });
        const first = tf.reshape(tf.slice(tokens, [0, 0, 0], [-1, 1, -1]), [view.shape[0], 32]);
        const own = withoutPrefix(`${prefix}head.`, at);
        const { output, buffers } = projector.apply(own, first as tf.Tensor2D, { train: true });
        return { output, buffers: withPrefix(`${prefix}head.`, buffers) };
      };
      const predict = (at: Params, prefix: string, view: tf.Tensor4D) => {
        const projected = project(at, prefix, view);
        const { output, buffers } = predictor.apply(withoutPrefix("predictor.", at), projected.output, {
          train: true,
        });
        return { output, buffers: { ...projected.buffers, ...withPrefix("predictor.", buffers) } };
      };
      // The keys come from the momentum encoder after it has followed by 0.99; its buffers do not follow.
      const momentum = Object.fromEntries(
        Object.entries(params)
          .filter(([name]) => name.startsWith("momentum_encoder."))
          .map(([name, old]) => {
            const now = params[name.replace("momentum_encoder.", "base_encoder.")] as tf.Tensor;
            const buffer = /running|tracked/.test(name);
            return [name, buffer ? old : tf.add(tf.mul(old, 0.99), tf.mul(now, 0.01))];
          }),
      );
      const first = project(momentum, "momentum_encoder.", x1);
      const second = project({ ...momentum, ...first.buffers }, "momentum_encoder.", x2);
      /** 2 x temperature x cross-entropy of cosines / temperature, with row i of both a pair. */
      const contrast = (q: tf.Tensor2D, k: tf.Tensor2D): tf.Scalar => {
        const scores = tf.div(tf.matMul(l2Normalize(q), l2Normalize(k), false, true), 0.2);
        const pairs = tf.eye(q.shape[0]);
        return tf.mul(tf.losses.softmaxCrossEntropy(pairs, scores), 0.4);
      };
      let buffers: Params = {};
      const loss = (at: Params): tf.Scalar => {
        const q1 = predict(at, "base_encoder.", x1);
        const q2 = predict({ ...at, ...q1.buffers }, "base_encoder.", x2);
        buffers = Object.fromEntries(Object.entries(q2.buffers).map(([name, x]) => [name, tf.keep(x)]));
        return tf.add(contrast(q1.output, second.output), contrast(q2.output, first.output));
      };
      const names = Object.keys(fixture.under("grad_step/"));
      expect(names.length).toBeGreaterThan(25);
      const at = Object.fromEntries(names.map((name) => [name, params[name] as tf.Tensor]));
      const found = gradients((changed) => loss({ ...params, ...changed }), at);
      for (const [name, gradient] of Object.entries(found)) {
        await expectGradient(gradient, fixture, `grad_step/${name}`);
      }
      await expectOutput(loss(params), fixture, "out/step/loss");
      const after = { ...momentum, ...second.buffers, ...buffers };
      expect(Object.keys(after).sort()).toEqual(Object.keys(fixture.under("after/")).sort());
      for (const [name, tensor] of Object.entries(after))
        await expectOutput(tensor, fixture, `after/${name}`);
    });
  });

  describe(`dino on ${engine.name}`, () => {
    const fixture = loadFixture("dino");
    const head = dinoHead({ width: 32, hidden: 48, bottleneck: 16, output: 24 });
    beforeAll(() => engine.use());

    it("gives the reference's logits and gradients", async () => {
      const params = toTensors(fixture.parameters());
      const h = toTensor(fixture.entry("in/h"));
      const cotangent = toTensor(fixture.entry("in/cot"));
      const apply = (at: Params, x: tf.Tensor): tf.Tensor =>
        head.apply(at, x as tf.Tensor2D, { train: true }).output;
      await expectOutput(apply(params, h), fixture, "out/head");
      const { "last_layer.weight_g": lengths, ...trained } = trainable(params);
      const found = gradients(
        ({ "in/h": x, ...at }) => dot(apply({ ...params, ...at }, x as tf.Tensor), cotangent),
        { ...trained, "in/h": h },
      );
      expect(lengths?.shape).toEqual([24, 1]);
      expect(Object.keys(found).sort()).toEqual(Object.keys(fixture.under("grad_head/")).sort());
      for (const [name, gradient] of Object.entries(found)) {
        await expectGradient(gradient, fixture, `grad_head/${name}`);
      }
    });
  });
}
