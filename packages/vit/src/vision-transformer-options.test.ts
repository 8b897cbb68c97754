import { type BackboneContext, type Params, randomStream, SitError, valueAndGradients } from "@sitjs/core";
import { closeness, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { type VisionTransformerOptions, visionTransformer } from "./index.js";

const small = {
  imageSize: 8,
  patchSize: 4,
  width: 8,
  depth: 2,
  heads: 2,
  dropPath: 0,
} satisfies VisionTransformerOptions;
const draw = (shape: number[], name: string): tf.Tensor =>
  tf.tensor(
    randomStream(0, "vit options", name).fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1))),
    shape,
  );
const images = (batch: number, height = 8, width = 8): tf.Tensor4D =>
  draw([batch, height, width, 3], "images") as tf.Tensor4D;
const difference = async (a: tf.Tensor, b: tf.Tensor): Promise<number> =>
  closeness(await a.data(), await b.data()).maxAbsolute;

/** Parameters that all matter: norms and biases too. */
function randomParams(options: VisionTransformerOptions): Params {
  const params = visionTransformer(options).init(randomStream(0));
  return Object.fromEntries(
    Object.entries(params).map(([name, tensor]) => [
      name,
      tf.add(tensor, tf.mul(draw(tensor.shape, name), 0.3)),
    ]),
  );
}

/** Everything that can be asked for together. */
const masks = {
  ...small,
  positions: "none",
  relativePositions: true,
  layerScale: 0.1,
  qkvBias: "query-value",
} as const satisfies VisionTransformerOptions;

for (const engine of await engines()) {
  describe(`options of visionTransformer on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    describe("visible", () => {
      const visible = (): tf.Tensor2D =>
        tf.tensor2d(
          [
            [2, 0],
            [1, 3],
          ],
          [2, 2],
          "int32",
        );

      it.each(["learned", "sincos", "sincos-moco", "none"] as const)(
        "with all patches, in any order, gives all tokens in that order: %s positions",
        async (positions) => {
          const vit = visionTransformer({ ...small, positions });
          const params = randomParams({ ...small, positions });
          const all = vit.apply(params, images(1), { train: false }).tokens;
          const order = tf.tensor2d([[3, 0, 2, 1]], [1, 4], "int32");
          const shuffled = vit.apply(params, images(1), { train: false, visible: order }).tokens;
          const expected = tf.gather(all, [0, 4, 1, 3, 2], 1);
          expect(await difference(shuffled, expected)).toBeLessThan(1e-5);
        },
      );

      it("computes on no other tokens: blocks, attention and values", async () => {
        const vit = visionTransformer(small);
        const params = randomParams(small);
        const context = { train: false, attention: true, blocks: true, visible: visible() };
        const seen = vit.apply(params, images(2), context);
        expect(seen.tokens.shape).toEqual([2, 3, 8]);
        expect(seen.blocks.map(({ shape }) => shape)).toEqual([
          [2, 3, 8],
          [2, 3, 8],
        ]);
        expect(seen.attention.map(({ shape }) => shape)).toEqual([
          [2, 2, 3, 3],
          [2, 2, 3, 3],
        ]);
        // Patches 1 and 3 of the first image are not seen: their pixels change nothing.
        const right = tf.tensor4d(
          Float32Array.from({ length: 64 * 3 }, (_, i) => (Math.floor(i / 3) % 8 < 4 ? 0 : 7)),
          [1, 8, 8, 3],
        );
        const changed = tf.add(images(2), tf.concat([right, tf.zeros([1, 8, 8, 3])])) as tf.Tensor4D;
        const again = vit.apply(params, changed, context);
        expect(await difference(again.tokens, seen.tokens)).toBe(0);
      });

      it("sends gradients to the positions that were seen, and no others", async () => {
        const vit = visionTransformer(small);
        const params = randomParams(small);
        const named = tf.tensor2d([[2, 0]], [1, 2], "int32");
        const gradient = tf.grad((at) => {
          const { tokens } = vit.apply({ ...params, pos_embed: at }, images(1), {
            train: true,
            visible: named,
          });
          return tf.sum(tf.mul(tokens, draw([1, 3, 8], "cotangent")));
        })(params.pos_embed as tf.Tensor);
        const sizes = (await tf.sum(tf.abs(gradient), 2).array()) as number[][];
        expect(sizes[0]?.map((size) => size > 1e-4)).toEqual([true, true, false, true, false]);
      });

      it("is refused where it does not fit, or with relative positions", () => {
        const vit = visionTransformer(small);
        const params = randomParams(small);
        const run = (context: Partial<BackboneContext>) => () =>
          vit.apply(params, images(2), { train: false, ...context });
        expect(run({ visible: tf.zeros([2, 5], "int32") })).toThrow(/visible: expected 1 to 4 patches/);
        expect(run({ visible: tf.fill([2, 1], 4, "int32") })).toThrow(
          /visible: expected indices from 0 to 3/,
        );
        expect(run({ visible: tf.fill([2, 1], -1, "int32") })).toThrow(SitError);
        const relative = visionTransformer(masks);
        expect(() =>
          relative.apply(relative.init(randomStream(0)), images(2), { train: false, visible: visible() }),
        ).toThrow(/visible: expected none with relativePositions/);
      });
    });

    describe("masked", () => {
      it("with nothing masked changes nothing; with everything masked the images do not matter", async () => {
        const vit = visionTransformer(small);
        const params = randomParams(small);
        const token = draw([8], "token");
        const run = (of: tf.Tensor4D, mask?: tf.Tensor2D): tf.Tensor =>
          vit.apply(params, of, { train: false, ...(mask ? { masked: { mask, token } } : {}) }).tokens;
        const other = tf.neg(images(2)) as tf.Tensor4D;
        expect(await difference(run(images(2), tf.zeros([2, 4])), run(images(2)))).toBe(0);
        expect(await difference(run(images(2), tf.ones([2, 4])), run(other, tf.ones([2, 4])))).toBe(0);
        expect(await difference(run(images(2)), run(other))).toBeGreaterThan(0.1);
      });

      it("tells masked patches apart by their positions", async () => {
        const vit = visionTransformer(small);
        const params = randomParams(small);
        const masked = { mask: tf.ones([1, 4]) as tf.Tensor2D, token: draw([1, 1, 8], "token") };
        const { tokens } = vit.apply(params, images(1), { train: false, masked });
        const [, first, second] = tf.unstack(tf.reshape(tokens, [5, 8])) as tf.Tensor[];
        expect(await difference(first as tf.Tensor, second as tf.Tensor)).toBeGreaterThan(1e-2);
      });

      it("refuses a mask and a token that do not fit", () => {
        const vit = visionTransformer(small);
        const params = randomParams(small);
        const run = (mask: tf.Tensor2D, token: tf.Tensor) => () =>
          vit.apply(params, images(2), { train: false, masked: { mask, token } });
        expect(run(tf.zeros([2, 5]), tf.zeros([8]))).toThrow(/mask: expected \[2, 4\], got \[2, 5\]/);
        expect(run(tf.zeros([2, 4]), tf.zeros([4]))).toThrow(/mask token: expected 8 values, got \[4\]/);
      });
    });

    it("without any positions, equal patches get equal tokens", async () => {
      const vit = visionTransformer({ ...small, positions: "none" });
      const params = randomParams({ ...small, positions: "none" });
      expect(params.pos_embed).toBeUndefined();
      const { tokens } = vit.apply(params, tf.ones([1, 8, 8, 3]), { train: false });
      const [, ...patches] = tf.unstack(tf.reshape(tokens, [5, 8])) as tf.Tensor[];
      for (const patch of patches)
        expect(await difference(patch, patches[0] as tf.Tensor)).toBeLessThan(1e-6);
    });

    it("relative positions at zero change nothing, and otherwise tell patches apart", async () => {
      const options = { ...small, positions: "none", relativePositions: true } as const;
      const plain = visionTransformer({ ...small, positions: "none" });
      const relative = visionTransformer(options);
      const params = { ...randomParams(options), ...relativeTable(0) };
      const expected = plain.apply(params, images(2), { train: false }).tokens;
      const zero = relative.apply(params, images(2), { train: false }).tokens;
      expect(await difference(zero, expected)).toBeLessThan(1e-5);
      const moved = { ...params, ...relativeTable(1) };
      const context = { train: false, attention: true };
      const { tokens, attention } = relative.apply(moved, images(2), context);
      expect(await difference(tokens, expected)).toBeGreaterThan(1e-3);
      const sums = await tf.sum(attention[1] as tf.Tensor, -1).data();
      expect(closeness(sums, new Array(20).fill(1)).maxAbsolute).toBeLessThan(1e-5);
      expect(relative.apply(moved, images(1, 4, 8), { train: false }).tokens.shape).toEqual([1, 3, 8]);
      expect(() => relative.apply(moved, images(1, 12, 8), { train: false })).toThrow(
        /images: expected at most 2 x 2 patches with relative positions, got 3 x 2/,
      );
    });

    it("layer scale of 1 changes nothing, and a small one leaves blocks near the identity", async () => {
      const options = { ...small, layerScale: 1 };
      const initial = visionTransformer({ ...small, layerScale: 1e-4 }).init(randomStream(0));
      expect(Array.from(await (initial["blocks.1.gamma_2"] as tf.Tensor).data())).toEqual(
        new Array(8).fill(Math.fround(1e-4)),
      );
      const params = visionTransformer(options).init(randomStream(0));
      const scaled = visionTransformer(options).apply(params, images(2), { train: false }).tokens;
      const plain = visionTransformer(small).apply(params, images(2), { train: false }).tokens;
      expect(await difference(scaled, plain)).toBeLessThan(1e-6);
      const { blocks } = visionTransformer(options).apply(initial, images(2), { train: false, blocks: true });
      const [first, second] = blocks as [tf.Tensor, tf.Tensor];
      expect(await difference(first, second)).toBeLessThan(1e-3);
      expect(await difference(first, second)).toBeGreaterThan(0);
    });

    it("query and value biases are the packed bias without the keys' third", async () => {
      const apart = visionTransformer({ ...small, qkvBias: "query-value" });
      const params = randomParams({ ...small, qkvBias: "query-value" });
      expect(params["blocks.0.attn.qkv.bias"]).toBeUndefined();
      const packed = Object.fromEntries(
        [0, 1].map((i) => {
          const [query, value] = ["q", "v"].map(
            (part) => params[`blocks.${i}.attn.${part}_bias`] as tf.Tensor,
          );
          const bias = tf.concat([query as tf.Tensor, tf.zeros([8]), value as tf.Tensor]);
          return [`blocks.${i}.attn.qkv.bias`, bias];
        }),
      );
      const expected = visionTransformer(small).apply({ ...params, ...packed }, images(2), { train: false });
      const { tokens } = apart.apply(params, images(2), { train: false });
      expect(await difference(tokens, expected.tokens)).toBe(0);
    });

    it.each(["mae", "moco-v3"] as const)("starts as the code of %s", async (initialization) => {
      const wide = { ...small, width: 64 };
      const params = visionTransformer({ ...wide, initialization }).init(randomStream(3));
      const xavier = visionTransformer({ ...wide, initialization: "xavier" }).init(randomStream(3));
      const largest = async (name: string): Promise<number> =>
        (await tf.max(tf.abs(params[name] as tf.Tensor)).data())[0] as number;
      const bounds = {
        "patch_embed.proj.weight": Math.sqrt(6 / (48 + 64)), // [64, 3 x 4 x 4]
        "blocks.0.attn.qkv.weight": Math.sqrt(6 / (64 + (initialization === "mae" ? 192 : 64))),
        "blocks.0.mlp.fc1.weight": Math.sqrt(6 / (64 + 256)),
      };
      for (const [name, bound] of Object.entries(bounds)) {
        expect((await largest(name)) / bound, name).toBeLessThanOrEqual(1 + 1e-6);
        expect((await largest(name)) / bound, name).toBeGreaterThan(0.99);
      }
      const name = "blocks.1.attn.proj.weight";
      expect(await difference(params[name] as tf.Tensor, xavier[name] as tf.Tensor)).toBe(0);
      const moco = initialization === "moco-v3";
      expect((await largest("patch_embed.proj.bias")) === 0).toBe(moco);
      expect((await largest("cls_token")) < 1e-5).toBe(moco);
    });

    it("leaves nothing behind with all of it, where the tape frees what it is done with", async () => {
      const vit = visionTransformer({ ...masks, dropPath: 0.3 });
      const params = randomParams(masks);
      const batch = images(2);
      const masked = {
        mask: tf.tensor2d([
          [0, 1, 1, 0],
          [1, 0, 0, 0],
        ]),
        token: draw([8], "token"),
      };
      const inputs = [...Object.values(params), masked.token];
      const step = () => {
        const { value, gradients } = valueAndGradients(() => {
          const context = { train: true, rng: randomStream(0), masked };
          return tf.sum(tf.square(vit.apply(params, batch, context).tokens));
        }, inputs);
        expect(gradients.every((gradient) => gradient !== undefined)).toBe(true);
        tf.dispose([value, ...(gradients as tf.Tensor[])]);
      };
      expect(await leakedTensors(step)).toBe(0);
      const plain = visionTransformer(small);
      const own = randomParams(small);
      const visible = tf.tensor2d([[1], [3]], [2, 1], "int32");
      const see = () => {
        const { value, gradients } = valueAndGradients(
          () => tf.sum(tf.square(plain.apply(own, batch, { train: true, visible }).tokens)),
          Object.values(own),
        );
        tf.dispose([value, ...(gradients as tf.Tensor[])]);
      };
      expect(await leakedTensors(see)).toBe(0);
    });

    it.each<[Partial<VisionTransformerOptions>, RegExp]>([
      [{ layerScale: 0 }, /layerScale: expected a number above 0, got 0/],
      [{ layerScale: Number.NaN }, /layerScale/],
      [{ qkvBias: "value" as "query-value" }, /qkvBias: expected true, false or "query-value", got "value"/],
      [{ relativePositions: 1 as unknown as boolean }, /relativePositions: expected true or false, got 1/],
      [{ positions: "sincos-moco", width: 6, heads: 1 }, /width: expected a multiple of 4/],
    ])("refuses %j", (options, message) => {
      const make = () => visionTransformer({ ...small, ...options });
      expect(make).toThrow(SitError);
      expect(make).toThrow(message);
    });
  });
}

/** The bias table of a grid of 2 x 2 and 2 heads, drawn with that deviation. */
function relativeTable(deviation: number): Params {
  const name = "rel_pos_bias.relative_position_bias_table";
  return { [name]: tf.mul(draw([12, 2], name), deviation) };
}
