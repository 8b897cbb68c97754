// Deep InfoMax and relational reasoning: no reference code has them on transformers, so formulas and limits.
import { simclrViews, trainView } from "@sitjs/augment";
import {
  type Backbone,
  type Params,
  randomStream,
  SitError,
  type TokenHead,
  withoutPrefix,
} from "@sitjs/core";
import { infoMax, relation, relationPairs } from "@sitjs/losses";
import { perceptronHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { learningCurve } from "../../test/learning.js";
import { memoryLoader } from "../../test/memory-loader.js";
import { randomViews, tensorsOfAStep } from "../../test/method-checks.js";
import { expectGradients, lossOf } from "../../test/method-values.js";
import { greyImages } from "../../test/real-images.js";
import { runAll, savedAt, stateBits } from "../../test/runs.js";
import type { Method } from "../method.js";
import { disposeState } from "../step.js";
import { type DeepInfoMaxOptions, deepInfoMax } from "./deep-infomax.js";
import { type RelationalReasoningOptions, relationalReasoning } from "./relational.js";

const [size, patchSize, width, features, batch] = [16, 8, 16, 8, 3];
const patches = (size / patchSize) ** 2;
const vit = (dropPath = 0, depth = 3) =>
  visionTransformer({
    imageSize: size,
    patchSize,
    width,
    depth,
    heads: 2,
    dropPath,
    initialization: "xavier",
  });
const linearHead = (output: number, hidden: number[] = []) =>
  perceptronHead({ width, hidden, output, initialization: "xavier" });

const infomax = (changes: Partial<DeepInfoMaxOptions> = {}) =>
  deepInfoMax({
    backbone: vit(),
    global: linearHead(features),
    local: linearHead(features, [12]),
    loss: infoMax(),
    ...changes,
  });
const relational = (changes: Partial<RelationalReasoningOptions> = {}) =>
  relationalReasoning({
    backbone: vit(),
    relation: perceptronHead({ width: 2 * width, hidden: [12], output: 1, initialization: "xavier" }),
    loss: relation(),
    pairs: relationPairs,
    ...changes,
  });

const imagesOf = (views: number) => randomViews({ views, batch, size });

/** The method's parameters, those under the prefix 0. */
function withZeros(method: Method, prefix: string): Params {
  const drawn = method.init(randomStream(0));
  const zero = (name: string, x: tf.Tensor) => (name.startsWith(prefix) ? tf.zerosLike(x) : x);
  return Object.fromEntries(Object.entries(drawn).map(([name, x]) => [name, zero(name, x)]));
}

/** All its tokens, in every block, are the image's first pixel: [batch, 1 + 4, channels]. */
const pixelBackbone = (channels: number): Backbone => ({
  name: "pixel",
  width: channels,
  depth: 1,
  patchSize: 1,
  channels,
  imageSize: 2,
  init: () => ({}),
  apply(_, images) {
    const [batch] = images.shape;
    const pixel = tf.reshape(tf.slice4d(images, [0, 0, 0, 0], [-1, 1, 1, -1]), [batch, 1, channels]);
    const tokens = tf.tile(pixel, [1, 5, 1]) as tf.Tensor3D;
    return { tokens, blocks: [tokens], attention: [] };
  },
});
const identity: TokenHead = {
  name: "identity",
  init: () => ({}),
  apply: (_, x) => ({ output: tf.clone(x), buffers: {} }),
};
/** Images of one colour each. */
const plain = (colors: number[][]) =>
  tf.tile(tf.tensor4d(colors.map((color) => [[color]])), [1, 2, 2, 1]) as tf.Tensor4D;

for (const engine of await engines({ cpu: true, plain: true })) {
  describe(`Deep InfoMax on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("gives 2 log 2, or the log of all candidates, where scores say nothing", () => {
      tf.tidy(() => {
        const views = imagesOf(1);
        const jensenShannon = infomax();
        const silent = lossOf(jensenShannon, withZeros(jensenShannon, "local."), { views });
        expect(silent.global).toBeCloseTo(2 * Math.log(2), 5);
        expect(silent.local).toBeCloseTo(2 * Math.log(2), 5);
        expect(silent.loss).toBeCloseTo(1.5 * 2 * Math.log(2), 5);
        const infoNce = infomax({ loss: infoMax({ estimator: "info-nce" }), alpha: 2, beta: 3 });
        const found = lossOf(infoNce, withZeros(infoNce, "global."), { views });
        expect(found.global).toBeCloseTo(Math.log(batch), 5);
        expect(found.local).toBeCloseTo(Math.log(1 + (batch - 1) * patches), 5);
        expect(found.loss).toBeCloseTo(2 * Math.log(batch) + 3 * Math.log(1 + (batch - 1) * patches), 4);
      });
    });

    it("gives 0 where images and patches tell each other apart, more where they are mixed up", () => {
      tf.tidy(() => {
        const sure = (sign: number) =>
          deepInfoMax({
            backbone: pixelBackbone(2),
            global: {
              ...identity,
              apply: (_, x) => ({ output: tf.mul(x, sign) as tf.Tensor2D, buffers: {} }),
            },
            local: identity,
            loss: infoMax(),
          });
        const views = [
          plain([
            [6, 1],
            [-6, -1],
          ]),
        ];
        expect(lossOf(sure(1), {}, { views }).loss).toBeLessThan(1e-6);
        // Scores of plus and minus 37, both wrong, for the pairs and for the others.
        expect(lossOf(sure(-1), {}, { views }).loss).toBeCloseTo(1.5 * (37 + 37), 3);
      });
    });
  });

  describe(`relational reasoning on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("gives log 2 over 2 to the gamma, and half of the pairs right, where scores say nothing", () => {
      tf.tidy(() => {
        for (const gamma of [0, 2]) {
          const method = relational({ loss: relation({ gamma }) });
          const { loss, accuracy } = lossOf(method, withZeros(method, "relation."), { views: imagesOf(4) });
          expect(loss).toBeCloseTo(Math.log(2) / 2 ** gamma, 5);
          expect(accuracy).toBe(0.5);
        }
      });
    });

    it("gives 0 and all pairs right where the relation is known, none where it is turned round", () => {
      tf.tidy(() => {
        const sure = (sign: number): Method =>
          relational({
            backbone: pixelBackbone(3),
            views: 3,
            relation: {
              ...identity,
              apply(_, pairs) {
                const [one, other] = tf.split(pairs, 2, 1) as [tf.Tensor2D, tf.Tensor2D];
                const same = tf.sum(tf.mul(one, other), 1, true);
                return { output: tf.mul(tf.sub(same, 0.5), 80 * sign) as tf.Tensor2D, buffers: {} };
              },
            },
          });
        const colors = [
          [1, 0, 0],
          [0, 1, 0],
          [0, 0, 1],
        ];
        const views = [0, 1, 2].map(() => plain(colors));
        expect(lossOf(sure(1), {}, { views })).toMatchObject({ accuracy: 1 });
        expect(lossOf(sure(1), {}, { views }).loss).toBeLessThan(1e-6);
        expect(lossOf(sure(-1), {}, { views })).toMatchObject({ accuracy: 0 });
        expect(lossOf(sure(-1), {}, { views }).loss).toBeCloseTo(40, 3);
      });
    });
  });
}

for (const engine of await engines()) {
  describe(`both on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it.each([1, 2, 3])(
      "deepInfoMax: the summary against patches of block %i, as put together by hand",
      (localBlock) => {
        tf.tidy(() => {
          const method = infomax({ localBlock });
          const student = method.init(randomStream(3));
          const views = imagesOf(1);
          const [images] = views as [tf.Tensor4D];
          const under = (prefix: string) => withoutPrefix(prefix, student);
          const { tokens, blocks } = method.backbone.apply(under("backbone."), images, {
            train: false,
            blocks: true,
          });
          const token = tf.reshape(tf.slice3d(tokens, [0, 0, 0], [-1, 1, -1]), [batch, width]) as tf.Tensor2D;
          const summary = linearHead(features).apply(under("global."), token, { train: false }).output;
          const from = tf.slice3d(blocks[localBlock - 1] as tf.Tensor3D, [0, 1, 0], [-1, -1, -1]);
          const project = (x: tf.Tensor2D) =>
            linearHead(features, [12]).apply(under("local."), x, { train: false }).output;
          const each = tf.stack(
            tf.unstack(from).map((patch) => project(patch as tf.Tensor2D)),
          ) as tf.Tensor3D;
          const found = lossOf(method, student, { views });
          const number = (x: tf.Scalar) => x.dataSync()[0] as number;
          expect(found.local).toBeCloseTo(number(infoMax().loss(summary, each)), 4);
          expect(found.global).toBeCloseTo(number(infoMax().loss(summary, project(tf.mean(from, 1)))), 4);
          expect(found.loss).toBeCloseTo(0.5 * (found.global as number) + (found.local as number), 5);
        });
      },
    );

    it("deepInfoMax leaves out what weighs nothing; the order of the images makes no difference", () => {
      tf.tidy(() => {
        const student = infomax().init(randomStream(3));
        const views = imagesOf(1);
        const both = lossOf(infomax(), student, { views });
        const local = lossOf(infomax({ alpha: 0 }), student, { views });
        expect(Object.keys(local)).toEqual(["loss", "local"]);
        expect(local.loss).toBe(both.local);
        const global = lossOf(infomax({ alpha: 2, beta: 0 }), student, { views });
        expect(Object.keys(global)).toEqual(["loss", "global"]);
        expect(global.loss).toBeCloseTo(2 * (both.global as number), 5);
        const turned = [tf.reverse(views[0] as tf.Tensor4D, 0)];
        expect(lossOf(infomax(), student, { views: turned }).loss).toBeCloseTo(both.loss as number, 4);
      });
    });

    it("relationalReasoning looks at each pair of views; turning all images by one place changes nothing", () => {
      tf.tidy(() => {
        const seen: [number[], number][] = [];
        const method = relational({
          pairs(tokens, views) {
            seen.push([tokens.shape, views]);
            return relationPairs(tokens, views);
          },
        });
        const student = method.init(randomStream(3));
        const views = imagesOf(4);
        const { loss } = lossOf(method, student, { views });
        const turn = (x: tf.Tensor4D) =>
          tf.concat([
            tf.slice4d(x, [1, 0, 0, 0], [-1, -1, -1, -1]),
            tf.slice4d(x, [0, 0, 0, 0], [1, -1, -1, -1]),
          ]) as tf.Tensor4D;
        expect(lossOf(method, student, { views: views.map(turn) }).loss).toBeCloseTo(loss as number, 5);
        expect(
          lossOf(method, student, { views: [turn(views[0] as tf.Tensor4D), ...views.slice(1)] }).loss,
        ).not.toBeCloseTo(loss as number, 3);
        expect(seen[0]).toEqual([[4 * batch, width], 4]);
      });
    });

    it("gradients agree with central differences of the whole loss", async () => {
      const shared = [
        "backbone.cls_token",
        "backbone.pos_embed",
        "backbone.blocks.0.attn.qkv.weight",
        "backbone.norm.bias",
      ];
      const one = imagesOf(1);
      await expectGradients(infomax({ backbone: vit(0.2) }), { views: one }, [
        ...shared,
        "backbone.blocks.2.mlp.fc1.weight",
        "global.0.weight",
        "local.0.weight",
        "local.1.bias",
      ]);
      const several = imagesOf(3);
      await expectGradients(relational({ views: 3 }), { views: several }, [
        ...shared,
        "relation.0.weight",
        "relation.1.bias",
      ]);
      tf.dispose([one, several]);
    });

    it.each([infomax({ backbone: vit(0.2) }), relational({ backbone: vit(0.2) })])(
      "$name leaves no tensor behind in a step, and goes on from the middle of an epoch to the bit",
      async (method) => {
        const views = imagesOf(method.views);
        expect(tensorsOfAStep(method, views)).toBe(0);
        tf.dispose(views);

        const loader = () => memoryLoader({ images: 12, batchSize: 4, views: method.views, size });
        const options = { steps: 4, seed: 2, learningRate: 0.05 };
        const whole = await runAll(options, loader(), method);
        const resume = await savedAt(2, options, loader(), method);
        expect(resume.state.teacher).toBeUndefined();
        const rest = await runAll({ ...options, resume }, loader(), method);
        expect(stateBits(rest.state)).toEqual(stateBits(whole.state));
        const other = await runAll({ ...options, seed: 3 }, loader(), method);
        expect(stateBits(other.state)).not.toEqual(stateBits(whole.state));
        for (const { state } of [whole, rest, other]) disposeState(state);
      },
    );
  });
}

describe("both on real images", async () => {
  const images = (await greyImages(64)).dataset;
  const statistics = { mean: [0.286], deviation: [0.353] };
  const backbone = visionTransformer({
    imageSize: 28,
    patchSize: 7,
    channels: 1,
    width: 32,
    depth: 2,
    heads: 2,
    dropPath: 0,
  });
  beforeAll(async () => await (await engines()).at(-1)?.use());
  const head = (inputs: number, output: number) =>
    perceptronHead({ width: inputs, hidden: [64], output, initialization: "xavier" });

  it("Deep InfoMax tells patches of one image from those of others", async () => {
    const method = deepInfoMax({ backbone, global: head(32, 32), local: head(32, 32), loss: infoMax() });
    const views = trainView({ size: 28, ...statistics });
    const curve = await learningCurve(method, images, { views, steps: 80 });
    for (const [part, { before, after }] of Object.entries(curve)) {
      expect(after, `${part} from ${before}`).toBeLessThan(0.85 * before);
    }
  });

  it("relational reasoning tells whether two views are of one image", async () => {
    const method = relationalReasoning({
      backbone,
      relation: head(64, 1),
      loss: relation(),
      pairs: relationPairs,
    });
    const [view] = simclrViews({ size: 28, preset: "small", scale: [0.4, 1], ...statistics });
    const views = Array.from({ length: 4 }, (_, i) => ({ ...view, name: `view${i + 1}` }));
    const { loss, accuracy } = await learningCurve(method, images, { views, steps: 100 });
    expect(loss?.after, `from ${loss?.before}`).toBeLessThan(0.9 * (loss?.before as number));
    // Of 5 x 192 pairs, where guessing is right in half of them, give or take 1.6 %.
    expect(accuracy?.after).toBeGreaterThan(0.6);
  });
});

describe("bad input", () => {
  it.each<[RegExp, () => unknown]>([
    [/^alpha: expected a finite number, at least 0, got -1/, () => infomax({ alpha: -1 })],
    [/^beta: expected a finite number, at least 0, got NaN/, () => infomax({ beta: Number.NaN })],
    [/^beta: expected a number above 0 where alpha is 0, got 0/, () => infomax({ alpha: 0, beta: 0 })],
    [/^localBlock: expected a block of the backbone, 1 to 3, got 0/, () => infomax({ localBlock: 0 })],
    [/^localBlock: .* got 4/, () => infomax({ localBlock: 4 })],
    [/^views: expected a whole number, at least 2, got 1/, () => relational({ views: 1 })],
  ])("%s", (message, make) => {
    expect(make).toThrow(message);
    expect(make).toThrow(SitError);
  });
});
