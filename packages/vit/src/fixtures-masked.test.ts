import { type Params, patchify, randomStream, withoutPrefix, withPrefix } from "@sitjs/core";
import { compareTo } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { expectGradient, expectOutput, gradients } from "../../../fixtures/expect.js";
import { type Fixture, loadFixture } from "../../../fixtures/load.js";
import { fromImages, toImages, toTensor, toTensors } from "../../../fixtures/tensors.js";
import { maskedDecoder, pixelShuffleHead, sinCosPositions, visionTransformer } from "./index.js";

/** The parameters that the fixture has gradients for: what is trained. */
function trained(params: Params, fixture: Fixture, prefix: string): Params {
  const names = Object.keys(fixture.under(prefix));
  return Object.fromEntries(names.map((name) => [name, params[name] as tf.Tensor]));
}

async function expectGradients(found: Params, fixture: Fixture, prefix: string): Promise<void> {
  expect(Object.keys(found).length).toBeGreaterThan(30);
  for (const [name, gradient] of Object.entries(found)) {
    await expectGradient(gradient, fixture, prefix + name);
  }
}

describe("sine-cosine tables", () => {
  beforeAll(async () => {
    await tf.setBackend("cpu");
  });

  it.each([
    [16, 3],
    [32, 7],
    [24, 5],
  ])("are MAE's: width %i, grid %i", async (width, side) => {
    const table = tf.tensor2d(sinCosPositions(width, side, side), [side * side, width]);
    // The reference's first row is the class token's: zeros.
    const whole = tf.pad(table, [
      [1, 0],
      [0, 0],
    ]);
    const { maxAbsolute } = await compareTo(whole, loadFixture("mae").entry(`sincos/d${width}_g${side}`));
    expect(maxAbsolute).toBeLessThan(1e-6);
  });

  it("are MoCo v3's in its order", async () => {
    const table = tf.tensor2d(sinCosPositions(32, 4, 4, "row-column"), [16, 32]);
    const whole = tf.reshape(
      tf.pad(table, [
        [1, 0],
        [0, 0],
      ]),
      [1, 17, 32],
    );
    const { maxAbsolute } = await compareTo(whole, loadFixture("mocov3").entry("base_encoder.pos_embed"));
    expect(maxAbsolute).toBeLessThan(1e-6);
  });
});

for (const engine of await engines({ plain: true })) {
  describe(`mae on ${engine.name}`, () => {
    const fixture = loadFixture("mae");
    const vit = visionTransformer({
      imageSize: 32,
      patchSize: 8,
      width: 32,
      depth: 2,
      heads: 4,
      dropPath: 0,
      positions: "sincos",
    });
    const decoder = maskedDecoder({ width: 32, decoderWidth: 24, depth: 1, heads: 2, patchSize: 8 });
    let params: Params;
    let images: tf.Tensor4D;
    let visible: tf.Tensor2D;
    beforeAll(async () => {
      await engine.use();
      params = toTensors(fixture.parameters());
      images = toImages(fixture.entry("in/x"));
      visible = tf.slice(toTensor(fixture.entry("out/ids_shuffle")), [0, 0], [3, 4]) as tf.Tensor2D;
    });
    afterAll(() => tf.dispose([...Object.values(params), images, visible]));

    const predict = (at: Params): { latent: tf.Tensor3D; patches: tf.Tensor3D } => {
      const latent = vit.apply(at, images, { train: true, visible }).tokens;
      const input = { tokens: latent, visible, grid: [4, 4] } as const;
      return { latent, patches: decoder.apply(at, input, { train: true }) };
    };

    it("gives the reference's latent tokens and predicted patches", async () => {
      const { latent, patches } = predict(params);
      await expectOutput(latent, fixture, "out/latent");
      await expectOutput(patches, fixture, "out/pred");
    });

    it.each([
      ["pix", "out/target"],
      ["normpix", "out/target_normpix"],
    ])("gives the reference's gradients of the loss %s, for every parameter", async (loss, target) => {
      const wanted = toTensor(fixture.entry(target));
      const removed = toTensor(fixture.entry("out/mask")); // [batch, patches]
      const error = (at: Params): tf.Scalar => {
        const perPatch = tf.mean(tf.squaredDifference(predict(at).patches, wanted), 2);
        return tf.div(tf.sum(tf.mul(perPatch, removed)), tf.sum(removed));
      };
      await expectOutput(error(params), fixture, `out/${loss}/loss`);
      const found = gradients(error, trained(params, fixture, `grad_${loss}/`));
      await expectGradients(found, fixture, `grad_${loss}/`);
    });

    it("sees the images in the order of the reference's patches", async () => {
      // Ours are ordered channel, row, column, as the weight of a convolution; MAE's row, column, channel.
      const ours = tf.reshape(patchify(images, 8), [3, 16, 3, 8, 8]);
      const theirs = tf.reshape(tf.transpose(ours, [0, 1, 3, 4, 2]), [3, 16, 192]);
      const { maxAbsolute } = await compareTo(theirs, fixture.entry("out/target"));
      expect(maxAbsolute).toBe(0);
    });
  });

  describe.each(["simmim", "simmim_rpb"])(`%s on ${engine.name}`, (name) => {
    const fixture = loadFixture(name);
    const relative = name === "simmim_rpb";
    const vit = visionTransformer({
      imageSize: 32,
      patchSize: 8,
      width: 32,
      depth: 2,
      heads: 4,
      dropPath: 0,
      qkvBias: "query-value",
      positions: relative ? "none" : "learned",
      relativePositions: relative,
      layerScale: relative ? 0.1 : undefined,
    });
    const head = pixelShuffleHead({ width: 32, patchSize: 8 });
    let params: Params;
    let images: tf.Tensor4D;
    let mask: tf.Tensor2D;
    beforeAll(async () => {
      await engine.use();
      params = toTensors(fixture.parameters());
      images = toImages(fixture.entry("in/x"));
      const grid = toTensor(fixture.entry("in/mask")); // [batch, 4, 4]
      mask = tf.cast(tf.reshape(grid, [3, 16]), "float32") as tf.Tensor2D;
    });
    afterAll(() => tf.dispose([...Object.values(params), images, mask]));

    const rebuild = (at: Params): { patches: tf.Tensor3D; images: tf.Tensor4D } => {
      const masked = { mask, token: at["encoder.mask_token"] as tf.Tensor };
      const { tokens } = vit.apply(withoutPrefix("encoder.", at), images, { train: true, masked });
      const patches = tf.slice(tokens, [0, 1, 0], [-1, -1, -1]) as tf.Tensor3D;
      const input = { patches, grid: [4, 4] } as const;
      const { output } = head.apply(withoutPrefix("decoder.", at), input, { train: true });
      return { patches, images: output };
    };

    it("has the reference's parameters, but for the mask token, which is the method's", () => {
      const own = {
        ...withPrefix("encoder.", vit.init(randomStream(0))),
        ...withPrefix("decoder.", head.init(randomStream(0))),
      };
      const theirs = Object.keys(fixture.under("grad/")).filter((key) => key !== "encoder.mask_token");
      expect(Object.keys(own).sort()).toEqual(theirs.sort());
      for (const [key, { shape }] of Object.entries(own)) {
        expect(shape, key).toEqual(fixture.entry(key).shape);
      }
    });

    it("gives the reference's features and images", async () => {
      const made = rebuild(params);
      const z = fromImages(tf.reshape(made.patches, [3, 4, 4, 32]));
      await expectOutput(z, fixture, "out/z");
      await expectOutput(fromImages(made.images), fixture, "out/x_rec");
    });

    it("gives the reference's loss and its gradients, for every parameter and the mask token", async () => {
      // [3, 4, 4, 1] to pixels: every value of the mask covers 8 x 8 of them.
      const pixels = tf.image.resizeNearestNeighbor(tf.reshape(mask, [3, 4, 4, 1]) as tf.Tensor4D, [32, 32]);
      const loss = (at: Params): tf.Scalar => {
        const error = tf.sum(tf.mul(tf.abs(tf.sub(images, rebuild(at).images)), pixels));
        return tf.div(error, tf.mul(tf.add(tf.sum(pixels), 1e-5), 3));
      };
      await expectOutput(loss(params), fixture, "out/loss");
      const found = gradients(loss, trained(params, fixture, "grad/"));
      await expectGradients(found, fixture, "grad/");
    });
  });
}
