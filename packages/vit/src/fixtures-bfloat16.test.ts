import { type Params, pick, withoutPrefix, withPrecision } from "@sitjs/core";
import { compareTo } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { type Fixture, loadFixture } from "../../../fixtures/load.js";
import { fromImages, toImages, toTensor, toTensors } from "../../../fixtures/tensors.js";
import { classifierHead, projectionHead, reconstructionHead, visionTransformer } from "./index.js";

/**
 * bfloat16 has 8 significant bits: each operand of a product is off by up to 2^-9 of itself, and so is a sum of many by
 * about 2^-9 / √2 of its size, with every layer's error on top of the one before. Measured on all engines, for three
 * blocks: outputs within 2.0e-2 of the largest (√(1 - cosine²) 1.6e-2), gradients within 3.7e-2 (2.3e-2). The bounds
 * are twice that. They are also float32's beyond doubt: less than 1e-4 would be.
 */
const bounds = {
  output: { relativeToMax: 4e-2, cosine: 1 - 4e-4 },
  gradient: { relativeToMax: 8e-2, cosine: 1 - 1e-3 },
};

async function expectNear(
  actual: tf.Tensor,
  fixture: Fixture,
  name: string,
  kind: keyof typeof bounds,
): Promise<number> {
  const { relativeToMax, cosine } = await compareTo(actual, fixture.entry(name));
  expect(relativeToMax, name).toBeLessThan(bounds[kind].relativeToMax);
  expect(cosine, name).toBeGreaterThan(bounds[kind].cosine);
  return relativeToMax;
}

/** In bfloat16; gradients are asked for outside. */
const low = <T>(work: () => T): T => withPrecision("bfloat16", work);

function gradients(of: (tensors: Params) => tf.Tensor, at: Params): [name: string, gradient: tf.Tensor][] {
  const names = Object.keys(at);
  const found = tf.grads((...tensors: tf.Tensor[]) =>
    low(() => of(Object.fromEntries(names.map((name, i) => [name, tensors[i] as tf.Tensor])))),
  )(Object.values(at));
  return names.map((name, i) => [name, found[i] as tf.Tensor]);
}

const dot = (a: tf.Tensor, b: tf.Tensor): tf.Scalar => tf.sum(tf.mul(a, b));

for (const engine of await engines({ plain: true })) {
  describe(`the reference's values in bfloat16 on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("vit_forward: tokens, blocks, attention, logits, and every gradient of the tokens", async () => {
      const fixture = loadFixture("vit_forward");
      const params = toTensors(fixture.parameters());
      const images = toImages(fixture.entry("in/x"));
      const vit = visionTransformer({ imageSize: 32, patchSize: 8, width: 32, depth: 3, heads: 4 });
      const head = classifierHead({ kind: "two-layer", width: 32, classes: 7 });
      const out = low(() => vit.apply(params, images, { train: false, attention: true }));
      const error = await expectNear(out.tokens, fixture, "out/tokens", "output");
      expect(error).toBeGreaterThan(1e-4);
      for (const [i, block] of out.blocks.entries()) {
        await expectNear(block, fixture, `out/block${i}`, "output");
      }
      await expectNear(out.attention[2] as tf.Tensor, fixture, "out/attn_last", "output");
      const logits = low(
        () => head.apply(withoutPrefix("head.", params), out.tokens, { train: false }).output,
      );
      await expectNear(logits, fixture, "out/logits", "output");
      const cotangent = toTensor(fixture.entry("in/cot"));
      const found = gradients(
        (at) => dot(vit.apply(at, images, { train: false }).tokens, cotangent),
        pick(params, (name) => !name.startsWith("head.")),
      );
      expect(found.length).toBeGreaterThan(30);
      for (const [name, gradient] of found) {
        await expectNear(gradient, fixture, `grad_tokens/${name}`, "gradient");
      }
    });

    it("heads_cls: values and the gradient of what it is given", async () => {
      const fixture = loadFixture("heads_cls");
      const head = projectionHead({ variant: "official", width: 32, hidden: 64, output: 16 });
      const params = toTensors(fixture.parameters());
      const project = (x: tf.Tensor): tf.Tensor =>
        head.apply(params, x as tf.Tensor2D, { train: true }).output;
      const x = toTensor(fixture.entry("in/x"));
      expect(
        await expectNear(
          low(() => project(x)),
          fixture,
          "out/train",
          "output",
        ),
      ).toBeGreaterThan(1e-4);
      const cotangent = toTensor(fixture.entry("in/cot"));
      const [[, dx]] = gradients(({ x: at }) => dot(project(at as tf.Tensor), cotangent), { x }) as [
        [string, tf.Tensor],
      ];
      await expectNear(dx, fixture, "grad/in/x", "gradient");
    });

    it("heads_rec: images and every gradient", async () => {
      const fixture = loadFixture("heads_rec");
      const head = reconstructionHead({ variant: "official", width: 32, patchSize: 8 });
      const params = toTensors(fixture.parameters());
      const rebuild = (at: Params, patches: tf.Tensor): tf.Tensor =>
        fromImages(head.apply(at, { patches: patches as tf.Tensor3D, grid: [4, 4] }, { train: true }).output);
      const patches = toTensor(fixture.entry("in/x"));
      const images = low(() => rebuild(params, patches));
      expect(await expectNear(images, fixture, "out/rec", "output")).toBeGreaterThan(1e-4);
      const cotangent = toTensor(fixture.entry("in/cot"));
      const found = gradients(({ "in/x": x, ...at }) => dot(rebuild(at, x as tf.Tensor), cotangent), {
        ...params,
        "in/x": patches,
      });
      for (const [name, gradient] of found) await expectNear(gradient, fixture, `grad/${name}`, "gradient");
    });
  });
}
