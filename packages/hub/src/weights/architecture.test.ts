import { describe, expect, it } from "vitest";
import { type ArchitectureOptions, inferArchitecture } from "../index.js";

type Shapes = Readonly<Record<string, readonly number[]>>;

/** A vision transformer of two blocks by timm's names. */
const timm = (width: number, more: Shapes = {}): Shapes => ({
  cls_token: [1, 1, width],
  pos_embed: [1, 1 + 14 * 14, width],
  "patch_embed.proj.weight": [width, 3, 16, 16],
  "blocks.0.attn.qkv.weight": [3 * width, width],
  "blocks.0.attn.qkv.bias": [3 * width],
  "blocks.0.mlp.fc1.weight": [4 * width, width],
  "blocks.1.mlp.fc1.weight": [4 * width, width],
  ...more,
});
const below = (prefix: string, shapes: Shapes): Shapes =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [prefix + name, shape]));
const infer = (shapes: Shapes, options: ArchitectureOptions = {}) =>
  inferArchitecture(
    Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { dtype: "F32", shape }])),
    { source: "some.pth", ...options },
  );

describe("the network that tensors are of", () => {
  it.each([
    ["DeiT's", below("model.", timm(384)), 6],
    ["MAE's, with its decoder", { ...timm(768), "decoder_blocks.0.mlp.fc1.weight": [2048, 512] }, 12],
    ["MoCo v3's ViT-S", below("state_dict.module.base_encoder.", timm(384)), 12],
    [
      "DINO's, of which the teacher is taken",
      { ...below("student.module.backbone.", timm(192)), ...below("teacher.backbone.", timm(384)) },
      6,
    ],
  ])("%s", (_, shapes, heads) => {
    const { backbone, head } = infer(shapes);
    expect(head).toBeUndefined();
    expect(backbone).toMatchObject({ imageSize: 224, patchSize: 16, channels: 3, depth: 2, mlpRatio: 4 });
    expect(backbone).toMatchObject({ heads, qkvBias: true, positions: "learned", layerNormEpsilon: 1e-6 });
  });

  it("with a classifier, of one layer, of two, or of the average", () => {
    const head = { "head.weight": [10, 384], "head.bias": [10] };
    expect(infer(timm(384, head)).head).toEqual({ kind: "linear", classes: 10, input: "token" });
    const averaged = { ...head, "fc_norm.weight": [384] };
    expect(infer(timm(384, averaged)).head).toEqual({ kind: "average-norm", classes: 10 });
    const two = { "head.0.weight": [768, 768], "head.2.weight": [5, 768] };
    expect(infer(timm(384, two)).head).toEqual({ kind: "two-layer", classes: 5, input: "token+mean" });
  });

  it("with positions of the patches alone, with layer scale, and with none", () => {
    expect(infer(timm(384, { pos_embed: [1, 49, 384] })).backbone.imageSize).toBe(112);
    expect(infer(timm(384, { "blocks.0.ls1.gamma": [384] })).backbone.layerScale).toBe(1e-5);
    const { pos_embed: _, ...without } = timm(384);
    expect(infer(without, { imageSize: 96 }).backbone).toMatchObject({ imageSize: 96, positions: "none" });
    expect(() => infer(without)).toThrow(/some.pth: expected the side of the images, which no tensor tells/);
  });

  it("asks for heads where the width is nobody's, and refuses what is no vision transformer", () => {
    expect(() => infer(timm(48))).toThrow(/expected the number of heads of a network of width 48/);
    expect(infer(timm(48), { heads: 4 }).backbone.heads).toBe(4);
    expect(() => infer(timm(48), { heads: 5 })).toThrow(/heads: expected a divisor of width 48/);
    expect(() => infer({ "conv1.weight": [64, 3, 7, 7] })).toThrow(
      /expected the patch embedding of one vision transformer.*got only conv1.weight/,
    );
    const flat = timm(384, { "patch_embed.proj.weight": [384, 768] });
    expect(() => infer(flat)).toThrow(/expected patch_embed.proj.weight with 4 dimensions, got \[384, 768\]/);
  });
});
