import { type Params, randomStream, SitError, valueAndGradients } from "@sitjs/core";
import { closeness, gradientError, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { loadFixture } from "../../../../fixtures/load.js";
import { dinoHead, maskedDecoder, mocoHeads, pixelShuffleHead, reconstructionHead } from "../index.js";

const draw = (shape: number[], name: string): tf.Tensor =>
  tf.tensor(
    randomStream(0, "method heads", name).fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1))),
    shape,
  );
const shapes = (params: Params): Record<string, readonly number[]> =>
  Object.fromEntries(Object.entries(params).map(([name, { shape }]) => [name, shape]));
const difference = async (a: tf.Tensor, b: tf.Tensor): Promise<number> =>
  closeness(await a.data(), await b.data()).maxAbsolute;
/** Shapes of a fixture's parameters below a prefix. */
const golden = (fixture: string, prefix: string, keep: RegExp = /./): Record<string, readonly number[]> =>
  Object.fromEntries(
    Object.entries(loadFixture(fixture).parameters())
      .filter(([name]) => name.startsWith(prefix) && keep.test(name))
      .map(([name, { shape }]) => [name.slice(prefix.length), shape]),
  );

const found = await engines();

describe("heads of the compared methods", () => {
  // Large: on the fastest engine only.
  beforeAll(() => found.at(-1)?.use());

  it("have the papers' sizes by default", () => {
    const { projector, predictor } = mocoHeads({ width: 8 });
    const made = { ...projector.init(randomStream(0)) };
    expect([made["0.weight"], made["3.weight"], made["6.weight"]].map((weight) => weight?.shape)).toEqual([
      [4096, 8],
      [4096, 4096],
      [256, 4096],
    ]);
    tf.dispose(Object.values(made));
    const second = predictor.init(randomStream(0));
    expect([second["0.weight"], second["3.weight"]].map((weight) => weight?.shape)).toEqual([
      [4096, 256],
      [256, 4096],
    ]);
    tf.dispose(Object.values(second));
    const dino = dinoHead({ width: 8 }).init(randomStream(0));
    expect(shapes(dino)).toMatchObject({
      "mlp.0.weight": [2048, 8],
      "mlp.2.weight": [2048, 2048],
      "mlp.4.weight": [256, 2048],
      "last_layer.weight_v": [65536, 256],
    });
    tf.dispose(Object.values(dino));
    const decoder = maskedDecoder({ width: 8, patchSize: 16, depth: 1 });
    expect(decoder.name).toBe("masked-decoder-512x1-patch16");
    expect(maskedDecoder({ width: 8, patchSize: 16 }).name).toBe("masked-decoder-512x8-patch16");
    const made8 = decoder.init(randomStream(0));
    expect(made8["decoder_pred.weight"]?.shape).toEqual([16 * 16 * 3, 512]);
    tf.dispose(Object.values(made8));
  });
});

for (const engine of found) {
  describe(`heads of the compared methods on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("name and shape their parameters as the references do", () => {
      const { projector, predictor } = mocoHeads({ width: 32, hidden: 48, output: 16 });
      expect(shapes(projector.init(randomStream(0)))).toEqual(golden("mocov3", "base_encoder.head."));
      expect(shapes(predictor.init(randomStream(0)))).toEqual(golden("mocov3", "predictor."));
      const sizes = { width: 32, hidden: 48, bottleneck: 16, output: 24 };
      const all = golden("dino", "");
      expect(shapes(dinoHead({ ...sizes, unitPrototypes: false }).init(randomStream(0)))).toEqual(all);
      const { "last_layer.weight_g": _, ...without } = all;
      expect(shapes(dinoHead(sizes).init(randomStream(0)))).toEqual(without);
      const shuffle = pixelShuffleHead({ width: 32, patchSize: 8 });
      expect(shapes(shuffle.init(randomStream(0)))).toEqual(golden("simmim", "decoder."));
      const decoder = maskedDecoder({ width: 32, decoderWidth: 24, depth: 1, heads: 2, patchSize: 8 });
      // The positions are fixed and no parameter here.
      expect(shapes(decoder.init(randomStream(0)))).toEqual(
        golden("mae", "", /^(decoder_(?!pos_embed)|mask_token)/),
      );
    });

    describe("dinoHead", () => {
      const head = dinoHead({ width: 4, hidden: 6, bottleneck: 3, output: 5 });
      const withLengths = (of: Params, lengths: tf.Tensor): Params => ({
        ...of,
        "last_layer.weight_g": lengths,
      });

      it("gives cosines with the prototypes, whatever their length", async () => {
        const params = head.init(randomStream(0));
        const tokens = draw([7, 4], "tokens") as tf.Tensor2D;
        const { output, buffers } = head.apply(params, tokens, { train: true });
        expect(buffers).toEqual({});
        const logits = await output.data();
        expect(Math.max(...logits.map(Math.abs))).toBeLessThanOrEqual(1 + 1e-6);
        const stretched = {
          ...params,
          "last_layer.weight_v": tf.mul(params["last_layer.weight_v"] as tf.Tensor, [
            [3],
            [0.1],
            [1],
            [20],
            [7],
          ]),
        };
        const again = head.apply(stretched, tokens, { train: true }).output;
        expect(await difference(again, output)).toBeLessThan(1e-6);
        const ones = withLengths(params, tf.ones([5, 1]));
        expect(await difference(head.apply(ones, tokens, { train: true }).output, output)).toBe(0);
        const twice = withLengths(params, tf.fill([5, 1], 2));
        const doubled = head.apply(twice, tokens, { train: true }).output;
        expect(await difference(doubled, tf.mul(output, 2))).toBeLessThan(1e-6);
      });

      it("has the gradients of finite differences for directions and lengths", async () => {
        const free = dinoHead({ width: 4, hidden: 6, bottleneck: 3, output: 5, unitPrototypes: false });
        const params = free.init(randomStream(0));
        const tokens = draw([7, 4], "tokens") as tf.Tensor2D;
        const cotangent = draw([7, 5], "cotangent");
        for (const name of ["last_layer.weight_v", "last_layer.weight_g"]) {
          const { relativeToMax, gradient } = await gradientError(
            (at) =>
              tf.sum(
                tf.mul(free.apply({ ...params, [name]: at }, tokens, { train: true }).output, cotangent),
              ),
            params[name] as tf.Tensor,
          );
          expect(Math.max(...gradient.map(Math.abs)), name).toBeGreaterThan(1e-3);
          expect(relativeToMax, name).toBeLessThan(1e-2);
        }
        const { "last_layer.weight_g": _, ...without } = params;
        expect(() => free.apply(without, tokens, { train: true })).toThrow(/weight_g: expected it/);
      });
    });

    it("mocoHeads give embeddings of mean 0 and deviation 1 in training", async () => {
      const { projector, predictor } = mocoHeads({ width: 8, hidden: 16, output: 4 });
      const x = draw([16, 8], "x") as tf.Tensor2D;
      const params = projector.init(randomStream(0));
      const projected = projector.apply(params, tf.mul(x, 30), { train: true });
      expect(Object.keys(projected.buffers)).toHaveLength(9);
      const predicted = predictor.apply(predictor.init(randomStream(1)), projected.output, { train: true });
      for (const { output } of [projected, predicted]) {
        expect(closeness(await tf.mean(output, 0).data(), [0, 0, 0, 0]).maxAbsolute).toBeLessThan(1e-5);
      }
      const deviation = await tf.sqrt(tf.mean(tf.square(projected.output), 0)).data();
      expect(closeness(deviation, [1, 1, 1, 1]).maxAbsolute).toBeLessThan(0.1); // less epsilon's share
      const one = draw([1, 8], "x") as tf.Tensor2D;
      expect(() => projector.apply(params, one, { train: true })).toThrow(/batch of at least 2/);
      expect(() => mocoHeads({ width: 8, hidden: 0 })).toThrow(/hidden: .* got 0/);
    });

    it("pixelShuffleHead puts pixels where a transposed convolution of the same weights puts them", async () => {
      const shuffle = pixelShuffleHead({ width: 4, patchSize: 2, channels: 2 });
      const params = shuffle.init(randomStream(0));
      const patches = draw([1, 6, 4], "patches") as tf.Tensor3D;
      const input = { patches, grid: [2, 3] } as const;
      const { output } = shuffle.apply(params, input, { train: false });
      expect(output.shape).toEqual([1, 4, 6, 2]);
      // [channels x 2 x 2, width] against the [in, channels, 2, 2] of a transposed convolution.
      const kernel = tf.reshape(
        tf.transpose(tf.reshape(params["0.weight"] as tf.Tensor, [8, 4])),
        [4, 2, 2, 2],
      );
      const filter = tf.transpose(kernel, [2, 3, 1, 0]) as tf.Tensor4D; // [height, width, out, in]
      const grid = tf.reshape(patches, [1, 2, 3, 4]) as tf.Tensor4D;
      const zero = { ...params, "0.bias": tf.zeros([8]) };
      const expected = tf.conv2dTranspose(grid, filter, [1, 4, 6, 2], 2, "valid");
      expect(await difference(shuffle.apply(zero, input, { train: false }).output, expected)).toBeLessThan(
        1e-5,
      );
      expect(await difference(output, expected)).toBeGreaterThan(1e-2);
      expect(() => shuffle.apply(params, { patches, grid: [2, 2] }, { train: false })).toThrow(
        /patches: expected \[any, 4, 4\], got \[1, 6, 4\]/,
      );
      const other = reconstructionHead({ width: 4, patchSize: 2 }).init(randomStream(0));
      expect(() => shuffle.apply(other, input, { train: false })).toThrow(/0\.weight: expected it/);
      expect(() => pixelShuffleHead({ width: 4, patchSize: 1.5 })).toThrow(/patchSize: .* got 1.5/);
    });

    it("leave nothing behind but their outputs, forward and backward", async () => {
      const dino = dinoHead({ width: 8, hidden: 8, bottleneck: 4, output: 6, unitPrototypes: false });
      const { projector } = mocoHeads({ width: 8, hidden: 8, output: 4 });
      const shuffle = pixelShuffleHead({ width: 8, patchSize: 2 });
      const decoder = maskedDecoder({ width: 8, decoderWidth: 8, depth: 1, heads: 2, patchSize: 2 });
      const token = draw([4, 8], "token") as tf.Tensor2D;
      const tokens = draw([2, 3, 8], "tokens") as tf.Tensor3D;
      const visible = tf.tensor2d(
        [
          [3, 1],
          [0, 2],
        ],
        [2, 2],
        "int32",
      );
      const works: [Params, (params: Params) => tf.Tensor][] = [
        [dino.init(randomStream(0)), (at) => dino.apply(at, token, { train: true }).output],
        [
          projector.init(randomStream(0)),
          (at) => {
            const { output, buffers } = projector.apply(at, token, { train: true });
            tf.dispose(Object.values(buffers));
            return output;
          },
        ],
        [
          shuffle.init(randomStream(0)),
          (at) => shuffle.apply(at, { patches: tokens, grid: [1, 3] }, { train: true }).output,
        ],
        [
          decoder.init(randomStream(0)),
          (at) => decoder.apply(at, { tokens, visible, grid: [2, 2] }, { train: true }),
        ],
      ];
      for (const [params, apply] of works) {
        expect(await leakedTensors(() => apply(params).dispose())).toBe(0);
        const inputs = Object.entries(params).filter(([name]) => !/running|tracked/.test(name));
        const step = () => {
          const { value, gradients } = valueAndGradients(
            () => tf.sum(tf.square(apply(params))),
            inputs.map(([, tensor]) => tensor),
          );
          expect(gradients.every((gradient) => gradient !== undefined)).toBe(true);
          tf.dispose([value, ...(gradients as tf.Tensor[])]);
        };
        expect(await leakedTensors(step)).toBe(0);
      }
    });

    it("refuse options that do not fit", () => {
      const refused: [() => unknown, RegExp][] = [
        [() => dinoHead({ width: 8, layers: 1 }), /layers: expected at least 2, got 1/],
        [() => dinoHead({ width: 8, bottleneck: 0 }), /bottleneck: .* got 0/],
        [() => dinoHead({ width: 8, unitPrototypes: 1 as unknown as boolean }), /unitPrototypes: .* got 1/],
      ];
      for (const [make, message] of refused) {
        expect(make).toThrow(SitError);
        expect(make).toThrow(message);
      }
      const head = dinoHead({ width: 4, hidden: 6, bottleneck: 3, output: 5 });
      const params = head.init(randomStream(0));
      const wrong = draw([2, 5], "x") as tf.Tensor2D;
      expect(() => head.apply(params, wrong, { train: false })).toThrow(/tokens: expected \[any, 4\]/);
      const lengths = { ...params, "last_layer.weight_g": tf.ones([5]) };
      const right = draw([2, 4], "x") as tf.Tensor2D;
      expect(() => head.apply(lengths, right, { train: false })).toThrow(
        /weight_g: expected \[5, 1\], got \[5\]/,
      );
    });
  });
}
