// Colourisation and context encoder: the methods that repair images and do nothing else.
import {
  disposeParams,
  type ImageHead,
  type Params,
  randomStream,
  SitError,
  withoutPrefix,
} from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import { chrominanceL2, maskedL2 } from "@sitjs/losses";
import { centralHole, grayscale } from "@sitjs/masking";
import { pixelShuffleHead, reconstructionHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { memoryLoader } from "../../test/memory-loader.js";
import { drawnParams, expectGradients, lossOf } from "../../test/method-values.js";
import { runAll, stateBits } from "../../test/runs.js";
import type { Method, Reconstruction } from "../method.js";
import { disposeState } from "../step.js";
import { colorization } from "./colorization.js";
import { contextEncoder } from "./context-encoder.js";
import type { ReconstructionMethodOptions } from "./reconstruction.js";

const [size, patchSize, width, batch] = [16, 4, 16, 3];
const shape: [number, number, number, number] = [batch, size, size, 3];
const backbone = visionTransformer({ imageSize: size, patchSize, width, depth: 1, heads: 2, dropPath: 0 });
const statistics = { mean: [0.49, 0.48, 0.45], deviation: [0.25, 0.24, 0.26] } as const;

interface Task {
  readonly name: string;
  readonly factory: (options: ReconstructionMethodOptions) => Method;
  readonly parts: ReconstructionMethodOptions;
}

const tasks: readonly Task[] = [
  {
    name: "colorization",
    factory: colorization,
    parts: {
      backbone,
      corruption: grayscale(statistics),
      head: pixelShuffleHead({ width, patchSize }),
      loss: chrominanceL2(statistics),
    },
  },
  {
    name: "context-encoder",
    factory: contextEncoder,
    parts: {
      backbone,
      corruption: centralHole(),
      head: reconstructionHead({ width, patchSize, hidden: 24 }),
      loss: maskedL2(),
    },
  },
];
const [colours, hole] = tasks as readonly [Task, Task];

const pixels = (seed = 3) =>
  tf.tensor4d(randomStream(seed).fillNormal(new Float32Array(batch * size * size * 3)), shape);

/** A head that says the same whatever it sees. */
const answering = (images: () => tf.Tensor4D): ImageHead => ({
  name: "answering",
  init: () => ({}),
  apply: () => ({ output: images(), buffers: {} }),
});

const worst = (a: tf.Tensor, b: tf.Tensor) => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0] as number;

/** 1 in the middle half of both sides. */
const inHole = () =>
  tf.pad(tf.ones([batch, size / 2, size / 2, 1]), [
    [0, 0],
    [size / 4, size / 4],
    [size / 4, size / 4],
    [0, 0],
  ]);

const pictures = (method: Method, params: Params, images: tf.Tensor4D): Reconstruction =>
  (method.reconstruct as NonNullable<Method["reconstruct"]>)(params, images, randomStream(0));

for (const engine of await engines({ plain: true })) {
  describe(`repairing images on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    describe.each(tasks)("$name", ({ name, factory, parts }) => {
      it("is named, looks at one view, has no teacher, and its parameters as SiT has them", () => {
        const method = factory(parts);
        const params = method.init(randomStream(0));
        expect([method.name, method.views, method.initTeacher(params)]).toEqual([name, 1, undefined]);
        const prefixes = Object.keys(params).map((key) => key.split(".")[0]);
        expect(new Set(prefixes)).toEqual(new Set(["backbone", "head_recons"]));
        disposeParams(params);
      });

      it("costs nothing where the image comes out as it was", () => {
        tf.tidy(() => {
          const clean = pixels();
          const perfect = factory({ ...parts, head: answering(() => tf.clone(clean)) });
          const params = perfect.init(randomStream(0));
          expect(lossOf(perfect, params, { views: [clean] })).toEqual({ loss: 0 });
          const other = factory({ ...parts, head: answering(() => pixels(4)) });
          expect(lossOf(other, params, { views: [clean] }).loss).toBeGreaterThan(0.01);
        });
      });

      it("is the loss of what the head makes of the corrupted image's patch tokens", () => {
        tf.tidy(() => {
          const method = factory(parts);
          const params = drawnParams(method);
          const clean = pixels();
          const { images, mask } = parts.corruption.corrupt(clean, randomStream(0));
          const { tokens } = backbone.apply(withoutPrefix("backbone.", params), images, { train: false });
          const patches = tf.slice(tokens, [0, 1, 0], [-1, -1, -1]);
          const input = { patches, grid: [size / patchSize, size / patchSize] as const };
          const { output } = parts.head.apply(withoutPrefix("head_recons.", params), input, { train: true });
          const expected = parts.loss.loss(output, clean, mask).dataSync()[0] as number;
          const { loss } = lossOf(method, params, { views: [clean] });
          expect(Math.abs((loss as number) - expected)).toBeLessThan(1e-5 * expected);
        });
      });

      it("has the gradient that central differences have, in every module", async () => {
        const head = pixelShuffleHead({ width, patchSize });
        // Small errors of colours by pixels from 0 to 1; as they are normalised, gradients are well above rounding.
        const loss = parts === colours.parts ? chrominanceL2() : parts.loss;
        const method = factory({ ...parts, head, loss });
        const views = [pixels()];
        await expectGradients(method, { views }, [
          "backbone.cls_token",
          "backbone.pos_embed",
          "backbone.patch_embed.proj.weight",
          "backbone.blocks.0.attn.qkv.weight",
          "backbone.blocks.0.mlp.fc2.weight",
          "backbone.norm.weight",
          "head_recons.0.weight",
          "head_recons.0.bias",
        ]);
        tf.dispose(views);
      });

      it("trains, to the same bits for the same seed, and leaves nothing behind, pictures neither", async () => {
        const source = memoryLoader({ images: 8, batchSize: 4, views: 1, size });
        const runs: unknown[] = [];
        const leaked = await leakedTensors(async () => {
          for (const seed of [4, 4, 5]) {
            const method = factory(parts);
            const { reports, state } = await runAll({ steps: 3, seed, learningRate: 0.02 }, source, method);
            expect(reports.map(({ metrics }) => Object.keys(metrics))).toEqual([
              ["loss"],
              ["loss"],
              ["loss"],
            ]);
            const images = pixels();
            const made = pictures(method, state.student, images);
            expect(Object.values(made).map((tensor) => tensor.shape)).toEqual([
              shape,
              [...shape.slice(0, 3), 1],
              shape,
            ]);
            tf.dispose([images, { ...made }]);
            runs.push(stateBits(state));
            disposeState(state);
          }
        });
        expect(leaked).toBe(0);
        expect(runs[1]).toEqual(runs[0]);
        expect(runs[2]).not.toEqual(runs[0]);
      });
    });

    it("a context encoder does not see its hole, and is not asked about anything else", () => {
      tf.tidy(() => {
        const method = contextEncoder(hole.parts);
        const params = drawnParams(method);
        const [image, other, inside] = [pixels(), pixels(4), inHole()];
        const swapped = tf.where(tf.cast(inside, "bool"), other, image) as tf.Tensor4D;
        const [before, after] = [pictures(method, params, image), pictures(method, params, swapped)];
        expect(worst(before.corrupted, after.corrupted)).toBe(0);
        expect(worst(before.reconstruction, after.reconstruction)).toBe(0);
        expect(worst(before.mask, inside)).toBe(0);
        expect(worst(before.reconstruction, pictures(method, params, other).reconstruction)).toBeGreaterThan(
          0.01,
        );
        const rightInHole = contextEncoder({ ...hole.parts, head: answering(() => tf.clone(swapped)) });
        expect(lossOf(rightInHole, params, { views: [other] }).loss).toBe(0);
      });
    });

    it("a colouriser does not see colour, and is not asked about brightness", () => {
      tf.tidy(() => {
        const method = colorization(colours.parts);
        const params = drawnParams(method);
        const image = pixels();
        const { images: grey } = colours.parts.corruption.corrupt(image, randomStream(0));
        const [before, after] = [pictures(method, params, image), pictures(method, params, grey)];
        expect(worst(before.corrupted, after.corrupted)).toBeLessThan(1e-5);
        expect(worst(before.reconstruction, after.reconstruction)).toBeLessThan(1e-3);
        expect(worst(before.reconstruction, before.corrupted)).toBeGreaterThan(0.1);
        // The same added to red, green and blue is brightness alone; normalised, the same over the deviations.
        const brighter = tf.add(image, tf.div(0.3, tf.tensor1d([...statistics.deviation]))) as tf.Tensor4D;
        const bright = colorization({ ...colours.parts, head: answering(() => tf.clone(brighter)) });
        expect(lossOf(bright, params, { views: [image] }).loss).toBeLessThan(1e-10);
      });
    });

    it("colours are shown at the brightness that went in: right ones give the image itself", () => {
      tf.tidy(() => {
        const image = pixels();
        const brighter = tf.add(image, tf.div(0.3, tf.tensor1d([...statistics.deviation]))) as tf.Tensor4D;
        const right = colorization({ ...colours.parts, head: answering(() => tf.clone(brighter)) });
        const params = right.init(randomStream(0));
        expect(worst(pictures(right, params, image).reconstruction, image)).toBeLessThan(1e-5);
        const method = colorization(colours.parts);
        const { corrupted, reconstruction } = pictures(method, drawnParams(method), image);
        const again = colours.parts.corruption.corrupt(reconstruction, randomStream(0)).images;
        expect(worst(again, corrupted)).toBeLessThan(1e-4);
      });
    });
  });
}

describe("colorization of grey images", () => {
  it("is refused", () => {
    const grey = visionTransformer({ imageSize: size, patchSize, channels: 1, width, depth: 1, heads: 2 });
    const make = () => colorization({ ...colours.parts, backbone: grey });
    expect(make).toThrow(SitError);
    expect(make).toThrow(/colorization: channels of the backbone: expected 3, .*grey images .*got 1/);
  });
});
