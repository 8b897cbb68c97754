import { countElements, type Params, type RandomStream, randomStream, SitError } from "@sitjs/core";
import { closeness, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { loadFixture } from "../../../fixtures/load.js";
import { type VisionTransformerOptions, visionTransformer, vitBase, vitSmall, vitTiny } from "./index.js";

const small = { imageSize: 8, patchSize: 4, width: 8, depth: 2, heads: 2 } satisfies VisionTransformerOptions;
const draw = (shape: number[], name: string): tf.Tensor =>
  tf.tensor(
    randomStream(0, "vit", name).fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1))),
    shape,
  );
const images = (batch: number, height = 8, width = 8, channels = 3): tf.Tensor4D =>
  draw([batch, height, width, channels], "images") as tf.Tensor4D;
const shapes = (params: Params): Record<string, readonly number[]> =>
  Object.fromEntries(Object.entries(params).map(([name, { shape }]) => [name, shape]));
const difference = async (a: tf.Tensor, b: tf.Tensor): Promise<number> =>
  closeness(await a.data(), await b.data()).maxAbsolute;

/** Draws nothing but zeros: counting needs no random numbers. */
const zeroStream: RandomStream = {
  ...randomStream(0),
  normal: () => 0,
  between: () => 0,
  fork: () => zeroStream,
};

describe("presets", () => {
  // timm's deit_*_patch16_224 without the 1000-class head: 5,717,416 - 193,000 and so on. All but the width is
  // alike in them, so blocks of one size count for the rest.
  it.each([
    ["tiny", vitTiny, 5_524_416],
    ["small", vitSmall, 21_665_664],
    ["base", vitBase, 85_798_656],
  ] as const)("have the size of ViT-%s", async (_, preset, count) => {
    await tf.setBackend("cpu");
    const of = (depth: number): number => {
      const params = visionTransformer({ ...preset, imageSize: 224, depth }).init(zeroStream);
      const elements = countElements(params);
      tf.dispose(Object.values(params));
      return elements;
    };
    expect(of(1) + (preset.depth - 1) * (of(2) - of(1))).toBe(count);
  });
});

for (const engine of await engines()) {
  describe(`visionTransformer on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("names and shapes its parameters as timm does", () => {
      const vit = visionTransformer({ imageSize: 32, patchSize: 8, width: 32, depth: 3, heads: 4 });
      const golden = Object.fromEntries(
        Object.entries(loadFixture("vit_forward").parameters())
          .filter(([name]) => !name.startsWith("head."))
          .map(([name, { shape }]) => [name, shape]),
      );
      const params = vit.init(randomStream(0));
      expect(shapes(params)).toEqual(golden);
    });

    it("has no qkv bias and no learned positions where none are wanted", () => {
      const all = visionTransformer({ ...small, channels: 1 }).init(randomStream(0));
      const fewer = visionTransformer({ ...small, channels: 1, qkvBias: false, positions: "sincos" });
      const missing = ["pos_embed", "blocks.0.attn.qkv.bias", "blocks.1.attn.qkv.bias"];
      const expected = Object.entries(shapes(all)).filter(([name]) => !missing.includes(name));
      expect(shapes(fewer.init(randomStream(0)))).toEqual(Object.fromEntries(expected));
      expect(all["patch_embed.proj.weight"]?.shape).toEqual([8, 1, 4, 4]);
    });

    it("starts from the stream alone, each parameter by its own name", async () => {
      const first = visionTransformer(small).init(randomStream(1));
      const again = visionTransformer(small).init(randomStream(1));
      const deeper = visionTransformer({ ...small, depth: 3 }).init(randomStream(1));
      const other = visionTransformer(small).init(randomStream(2));
      for (const [name, tensor] of Object.entries(first)) {
        expect(await difference(tensor, again[name] as tf.Tensor), name).toBe(0);
        expect(await difference(tensor, deeper[name] as tf.Tensor), name).toBe(0);
        const constant = name.includes("norm") || (name.endsWith("bias") && !name.includes("embed"));
        if (constant) expect(new Set(await tensor.data())).toEqual(new Set([name.endsWith("bias") ? 0 : 1]));
        else expect(await difference(tensor, other[name] as tf.Tensor), name).toBeGreaterThan(0);
      }
    });

    it("starts linear layers as told: deviation 0.02, or Xavier's uniform bound √(6 / (in + out))", async () => {
      const wide = { ...small, width: 64 };
      const name = "blocks.0.mlp.fc1.weight"; // [256, 64]
      const weights = async (initialization?: "xavier") =>
        Array.from(
          await (
            visionTransformer({ ...wide, initialization }).init(randomStream(3))[name] as tf.Tensor
          ).data(),
        );
      const deviation = (values: number[]) =>
        Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
      const largest = (values: number[]) => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      const [usual, xavier] = [await weights(), await weights("xavier")];
      const bound = Math.sqrt(6 / (256 + 64));
      // 16,384 draws: the deviation is known to about 0.5 %.
      expect(Math.abs(deviation(usual) / 0.02 - 1)).toBeLessThan(0.03);
      expect(Math.abs(deviation(xavier) / (bound / Math.sqrt(3)) - 1)).toBeLessThan(0.03);
      expect(largest(xavier)).toBeLessThanOrEqual(bound);
      expect(largest(xavier)).toBeGreaterThan(0.99 * bound);
      expect(() => visionTransformer({ ...small, initialization: "he" as "xavier" })).toThrow(
        /initialization: expected "truncated-normal" or "xavier" .*, got "he"/,
      );
    });

    it("returns attention maps only when asked, each row a distribution", async () => {
      const vit = visionTransformer(small);
      const params = vit.init(randomStream(0));
      expect(vit.apply(params, images(2), { train: false }).attention).toEqual([]);
      const { attention } = vit.apply(params, images(2), { train: false, attention: true });
      expect(attention.map(({ shape }) => shape)).toEqual([
        [2, 2, 5, 5],
        [2, 2, 5, 5],
      ]);
      const sums = await tf.sum(attention[1] as tf.Tensor, -1).data();
      expect(closeness(sums, new Array(20).fill(1)).maxAbsolute).toBeLessThan(1e-5);
    });

    it.each(["learned", "sincos"] as const)(
      "takes any size the patch divides, with %s positions",
      (positions) => {
        const vit = visionTransformer({ ...small, positions });
        const params = vit.init(randomStream(0));
        for (const [height, width] of [
          [4, 4],
          [12, 8],
          [4, 20],
        ] as const) {
          const { tokens } = vit.apply(params, images(1, height, width), { train: false });
          expect(tokens.shape).toEqual([1, 1 + (height * width) / 16, 8]);
        }
      },
    );

    it("tells positions apart: equal patches get different tokens", async () => {
      for (const positions of ["learned", "sincos"] as const) {
        const vit = visionTransformer({ ...small, positions });
        const { tokens } = vit.apply(vit.init(randomStream(0)), tf.ones([1, 8, 8, 3]), { train: false });
        const [first, second] = tf.split(tf.slice(tokens, [0, 1, 0], [1, 2, 8]), 2, 1);
        expect(await difference(first as tf.Tensor, second as tf.Tensor)).toBeGreaterThan(1e-3);
      }
    });

    it("drops paths in training only, the same ones for the same stream", async () => {
      const vit = visionTransformer({ ...small, dropPath: 0.9 });
      const params = vit.init(randomStream(0));
      const run = (context: { train: boolean; rng?: ReturnType<typeof randomStream> }): tf.Tensor =>
        vit.apply(params, images(8), context).tokens;
      const evaluated = run({ train: false });
      expect(await difference(run({ train: false, rng: randomStream(7) }), evaluated)).toBe(0);
      const dropped = run({ train: true, rng: randomStream(7) });
      expect(await difference(dropped, evaluated)).toBeGreaterThan(1e-3);
      expect(await difference(run({ train: true, rng: randomStream(7) }), dropped)).toBe(0);
      expect(await difference(run({ train: true, rng: randomStream(8) }), dropped)).toBeGreaterThan(1e-3);
      expect(() => run({ train: true })).toThrow(/rng: expected a random stream/);
      const { blocks } = vit.apply(params, images(8), {
        train: true,
        rng: randomStream(7),
        blocks: true,
      });
      const plain = vit.apply(params, images(8), { train: false, blocks: true }).blocks;
      // The rate rises from 0: the first block never drops.
      expect(await difference(blocks[0] as tf.Tensor, plain[0] as tf.Tensor)).toBe(0);
    });

    it("leaves nothing behind, forward and backward, in training", async () => {
      const vit = visionTransformer(small);
      const params = vit.init(randomStream(0));
      const batch = images(2);
      const context = { train: true, rng: randomStream(0), blocks: true };
      const forward = () => {
        const out = vit.apply(params, batch, context);
        tf.dispose([out.tokens, ...out.blocks, ...out.attention]);
      };
      expect(await leakedTensors(forward)).toBe(0);
      // The final norm is not on the way to a block's output.
      const reached = Object.keys(params).filter((name) => !name.startsWith("norm."));
      const backward = tf.grads((...tensors) => {
        const at = Object.fromEntries(reached.map((name, i) => [name, tensors[i] as tf.Tensor]));
        return tf.sum(tf.square(vit.apply({ ...params, ...at }, batch, context).blocks[1] as tf.Tensor));
      });
      const inputs = reached.map((name) => params[name] as tf.Tensor);
      expect(await leakedTensors(() => tf.dispose(backward(inputs)))).toBe(0);
    });

    it.each<[Partial<VisionTransformerOptions>, RegExp]>([
      [{ imageSize: 10 }, /imageSize: expected a multiple of patchSize 4, got 10/],
      [{ heads: 3 }, /heads: expected a divisor of width 8, got 3/],
      [{ depth: 0 }, /depth: expected a whole number of at least 1, got 0/],
      [{ width: 8.5 }, /width/],
      [{ mlpRatio: 0 }, /mlpRatio/],
      [{ dropPath: 1 }, /dropPath: expected a number in \[0, 1\), got 1/],
      [{ layerNormEpsilon: 0 }, /layerNormEpsilon/],
      [{ positions: "sincos", width: 6, heads: 1 }, /width: expected a multiple of 4/],
      [{ positions: "fixed" as "sincos" }, /positions: expected "learned" or .*"none", got "fixed"/],
    ])("refuses %j", (options, message) => {
      const make = () => visionTransformer({ ...small, ...options });
      expect(make).toThrow(SitError);
      expect(make).toThrow(message);
    });

    it("refuses images and parameters that do not fit", () => {
      const vit = visionTransformer(small);
      const params = vit.init(randomStream(0));
      expect(() => vit.apply(params, images(1, 8, 10), { train: false })).toThrow(/patch size 4 .* 8 x 10/);
      expect(() => vit.apply(params, images(1, 8, 8, 1), { train: false })).toThrow(
        /images: expected \[any, any, any, 3\], got \[1, 8, 8, 1\]/,
      );
      const other = visionTransformer({ ...small, imageSize: 16 }).init(randomStream(0));
      expect(() => vit.apply(other, images(1), { train: false })).toThrow(/pos_embed: expected \[1, 5, 8\]/);
      const { "norm.bias": _, ...less } = params;
      expect(() => vit.apply(less, images(1), { train: false })).toThrow(/norm\.bias: expected it/);
    });
  });
}
