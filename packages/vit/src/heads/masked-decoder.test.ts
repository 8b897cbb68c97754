import { type Params, randomStream, SitError } from "@sitjs/core";
import { closeness } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { maskedDecoder } from "../index.js";

const draw = (shape: number[], name: string): tf.Tensor =>
  tf.tensor(
    randomStream(0, "masked decoder", name).fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1))),
    shape,
  );
const difference = async (a: tf.Tensor, b: tf.Tensor): Promise<number> =>
  closeness(await a.data(), await b.data()).maxAbsolute;

for (const engine of await engines()) {
  describe(`maskedDecoder on ${engine.name}`, () => {
    beforeAll(() => engine.use());
    const decoder = maskedDecoder({
      width: 6,
      decoderWidth: 8,
      depth: 2,
      heads: 2,
      patchSize: 2,
      channels: 1,
    });
    const grid = [2, 3] as const;
    const visible = (): tf.Tensor2D =>
      tf.tensor2d(
        [
          [4, 1],
          [0, 5],
        ],
        [2, 2],
        "int32",
      );

    it("takes tokens by their places, not by their order", async () => {
      const params = decoder.init(randomStream(0));
      const tokens = draw([2, 3, 6], "tokens") as tf.Tensor3D;
      const first = decoder.apply(params, { tokens, visible: visible(), grid }, { train: true });
      expect(first.shape).toEqual([2, 6, 4]);
      const swapped = { tokens: tf.gather(tokens, [0, 2, 1], 1), visible: tf.reverse(visible(), 1), grid };
      expect(await difference(decoder.apply(params, swapped, { train: true }), first)).toBeLessThan(1e-5);
      const elsewhere = { tokens, visible: tf.reverse(visible(), 1) as tf.Tensor2D, grid };
      expect(await difference(decoder.apply(params, elsewhere, { train: true }), first)).toBeGreaterThan(
        1e-3,
      );
    });

    it("uses the mask token where nothing is visible, and only there", async () => {
      const params = decoder.init(randomStream(0));
      const other = { ...params, mask_token: draw([1, 1, 8], "mask token") };
      const run = (of: Params, indices: tf.Tensor2D): tf.Tensor => {
        const tokens = draw([1, 1 + indices.shape[1], 6], "tokens") as tf.Tensor3D;
        return decoder.apply(of, { tokens, visible: indices, grid }, { train: false });
      };
      const all = tf.tensor2d([[5, 3, 1, 0, 2, 4]], [1, 6], "int32");
      expect(await difference(run(params, all), run(other, all))).toBe(0);
      const one = tf.tensor2d([[3]], [1, 1], "int32");
      expect(await difference(run(params, one), run(other, one))).toBeGreaterThan(1e-3);
    });

    it("refuses tokens, indices and options that do not fit", () => {
      const params = decoder.init(randomStream(0));
      const run = (tokens: tf.Tensor, indices: tf.Tensor) => () =>
        decoder.apply(
          params,
          { tokens: tokens as tf.Tensor3D, visible: indices as tf.Tensor2D, grid },
          { train: false },
        );
      const refused: [() => unknown, RegExp][] = [
        [run(tf.zeros([2, 3, 5]), visible()), /tokens: expected \[any, any, 6\], got \[2, 3, 5\]/],
        [run(tf.zeros([2, 4, 6]), visible()), /tokens: expected \[any, 3, 6\], got \[2, 4, 6\]/],
        [run(tf.zeros([3, 3, 6]), visible()), /visible: expected \[3, any\], got \[2, 2\]/],
        [run(tf.zeros([2, 8, 6]), tf.zeros([2, 7], "int32")), /visible: expected 1 to 6 patches/],
        [() => maskedDecoder({ width: 6, patchSize: 2, decoderWidth: 10 }), /decoderWidth: .* multiple of 4/],
        [
          () => maskedDecoder({ width: 6, patchSize: 2, heads: 7 }),
          /heads: expected a divisor of decoderWidth 512/,
        ],
        [() => maskedDecoder({ width: 6, patchSize: 0 }), /patchSize: .* got 0/],
        [() => maskedDecoder({ width: 6, patchSize: 2, mlpRatio: 0 }), /mlpRatio/],
        [() => maskedDecoder({ width: 6, patchSize: 2, layerNormEpsilon: 0 }), /layerNormEpsilon/],
      ];
      for (const [work, message] of refused) {
        expect(work).toThrow(SitError);
        expect(work).toThrow(message);
      }
    });
  });
}
