import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  type Backbone,
  disposeParams,
  pick,
  readSafetensors,
  type SafetensorsEntry,
  type SafetensorsFile,
} from "@sitjs/core";
import { compareTo, leakedTensors } from "@sitjs/core/testing";
import { classifierHead, sinCosPositions, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { expectOutput } from "../../../../fixtures/expect.js";
import { loadFixture } from "../../../../fixtures/load.js";
import { failure } from "../../../../fixtures/own-folder.js";
import { toImages } from "../../../../fixtures/tensors.js";
import { averageNormHead, describeImport, importWeights, toTimm, weightsInMemory } from "../index.js";

type Entries = Record<string, SafetensorsEntry>;
const context = { train: false } as const;
const inMemory = (tensors: Entries) => weightsInMemory({ tensors });
const renamed = (tensors: Entries, name: (before: string) => string): Entries =>
  Object.fromEntries(Object.entries(tensors).map(([before, entry]) => [name(before), entry]));

beforeAll(async () => {
  await tf.setBackend("cpu");
});
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const tiny = { imageSize: 32, patchSize: 8, width: 32 } as const;

describe("weights of timm", () => {
  const backbone = visionTransformer({ ...tiny, depth: 2, heads: 2 });

  it("pooled by the class token give timm's tokens and logits", async () => {
    const fixture = loadFixture("timm_vit_token");
    const { params, head, report } = await importWeights(inMemory(fixture.parameters()), { backbone });
    expect([report.origin, report.notUsed, report.missing]).toEqual(["timm", [], []]);
    const { tokens } = backbone.apply(params, toImages(fixture.entry("in/x")), context);
    await expectOutput(tokens, fixture, "out/tokens");
    expect([head?.kind, head?.classes]).toEqual(["linear", 5]);
    const { output } = classifierHead({ width: 32, classes: 5 }).apply(head?.params ?? {}, tokens, context);
    await expectOutput(output, fixture, "out/logits");
  });

  it("pooled by the average give timm's logits, and the norm they lack is said", async () => {
    const fixture = loadFixture("timm_vit_avg");
    const { params, head, report } = await importWeights(inMemory(fixture.parameters()), { backbone });
    expect([report.notUsed, report.missing, head?.kind]).toEqual([[], [], "average-norm"]);
    const images = toImages(fixture.entry("in/x"));
    const before = backbone.apply(params, images, { ...context, blocks: true }).blocks.at(-1) as tf.Tensor3D;
    await expectOutput(before, fixture, "out/tokens");
    const { output } = averageNormHead({ width: 32, classes: 5 }).apply(head?.params ?? {}, before, context);
    await expectOutput(output, fixture, "out/logits");
  });

  it.each(["timm_vit_token", "timm_vit_avg"])("of %s go back by the same names and values", async (name) => {
    const parameters = loadFixture(name).parameters();
    const { params, head } = await importWeights(inMemory(parameters), { backbone });
    const back = toTimm(params, head?.params);
    expect(Object.keys(back).sort()).toEqual(Object.keys(parameters).sort());
    for (const [key, tensor] of Object.entries(back)) {
      expect([tensor.shape, [...(await tensor.data())]], key).toEqual([
        parameters[key]?.shape,
        [...(parameters[key] as SafetensorsEntry).data],
      ]);
    }
  });
});

describe("weights of transformers' ViTForImageClassification", () => {
  const file = (name: string): SafetensorsFile =>
    readSafetensors(
      readFileSync(fileURLToPath(new URL(`../../../../fixtures/huggingface-vit/${name}`, import.meta.url))),
    );
  const backbone = visionTransformer({ ...tiny, depth: 2, heads: 4, mlpRatio: 2 });
  const close = async (tensor: tf.Tensor, name: string) => {
    const expected = file("outputs.safetensors").tensors[name] as SafetensorsEntry;
    expect(
      (await compareTo(tensor, expected, { absolute: 3e-5, relative: 2e-5 })).excess,
      name,
    ).toBeLessThanOrEqual(0);
  };

  it("give its hidden state and logits", async () => {
    const { params, head, report } = await importWeights(weightsInMemory(file("model.safetensors")), {
      backbone,
    });
    expect([report.origin, report.notUsed]).toEqual(["huggingface-vit", []]);
    const images = toImages(file("outputs.safetensors").tensors["in/x"] as SafetensorsEntry);
    const { tokens } = backbone.apply(params, images, context);
    await close(tokens, "out/tokens");
    const { output } = classifierHead({ width: 32, classes: 3 }).apply(head?.params ?? {}, tokens, context);
    await close(output, "out/logits");
  });

  it("are refused where a key is missing of a query and a value", async () => {
    const { tensors } = file("model.safetensors");
    const without = Object.fromEntries(
      Object.entries(tensors).filter(([name]) => !name.includes("layer.1.attention.attention.key.w")),
    );
    const { message } = await failure(
      importWeights(inMemory(without), { backbone, source: "some.safetensors" }),
    );
    expect(message).toMatch(
      /some.safetensors: expected queries, keys and values for blocks.1.attn.qkv.weight/,
    );
  });
});

describe("weights of papers, by the names of their code", () => {
  const fixture = loadFixture("vit_forward");
  const all = fixture.parameters();
  const bare = Object.fromEntries(Object.entries(all).filter(([name]) => !name.startsWith("head.")));
  const other = renamed(bare, (name) => name);
  for (const [name, entry] of Object.entries(other)) {
    other[name] = { ...entry, data: new Float32Array(entry.data.length) } as SafetensorsEntry;
  }
  const backbone = visionTransformer({ ...tiny, depth: 3, heads: 4 });
  const one = all["norm.weight"] as SafetensorsEntry;
  const expectTokens = async (of: Backbone, params: Parameters<Backbone["apply"]>[0]) =>
    expectOutput(of.apply(params, toImages(fixture.entry("in/x")), context).tokens, fixture, "out/tokens");

  it("SiT: the fine-tuned network with its two-layer classifier", async () => {
    const { params, head, report } = await importWeights(inMemory(all), { backbone });
    expect([report.origin, report.notUsed, head?.kind, head?.classes]).toEqual(["sit", [], "two-layer", 7]);
    await expectTokens(backbone, params);
    const { tokens } = backbone.apply(params, toImages(fixture.entry("in/x")), context);
    const classifier = classifierHead({ kind: "two-layer", width: 32, classes: 7 });
    await expectOutput(classifier.apply(head?.params ?? {}, tokens, context).output, fixture, "out/logits");
  });

  it.each([
    ["sit", "teacher.backbone.", "student.module.backbone.", "teacher.head_recons.mlp.0.weight"],
    ["dino", "teacher.backbone.", "student.module.backbone.", "teacher.head.mlp.0.weight"],
    [
      "moco-v3",
      "state_dict.module.base_encoder.",
      "state_dict.module.momentum_encoder.",
      "state_dict.module.base_encoder.head.0.weight",
    ],
    ["mae", "model.", undefined, "model.decoder_blocks.0.norm1.weight"],
  ] as const)("%s: the network its own code evaluates", async (origin, prefix, otherPrefix, unused) => {
    const tensors = {
      ...renamed(bare, (name) => prefix + name),
      ...(otherPrefix ? renamed(other, (name) => otherPrefix + name) : {}),
      [unused]: one,
    };
    const { params, report, head } = await importWeights(inMemory(tensors), { backbone });
    expect([report.origin, report.prefix, head]).toEqual([origin, prefix, undefined]);
    expect(report.notUsed).toContain(unused);
    expect(report.used).toHaveLength(Object.keys(bare).length);
    await expectTokens(backbone, params);
    expect(describeImport(report)).toContain(otherPrefix ? "* (4" : unused);
  });

  it("another network of the file is taken where it is named", async () => {
    const tensors = {
      ...renamed(other, (name) => `teacher.${name}`),
      ...renamed(bare, (name) => `student.${name}`),
    };
    const { params, report } = await importWeights(inMemory(tensors), { backbone, network: "student" });
    expect(report.prefix).toBe("student.");
    await expectTokens(backbone, params);
    const { message } = await failure(importWeights(inMemory(tensors), { backbone, network: "ema" }));
    expect(message).toMatch(/network: .*teacher\., student\., got "ema"/);
  });

  it("positions are resized to the backbone's grid as DINO's, and it is said", async () => {
    const larger = visionTransformer({ ...tiny, imageSize: 48, depth: 3, heads: 4 });
    const { params, report } = await importWeights(inMemory(bare), { backbone: larger });
    expect(report.resized).toEqual(["pos_embed: [1, 17, 32] to [1, 37, 32]"]);
    await expectOutput(params.pos_embed as tf.Tensor, fixture, "out/pos_embed_48x48");
    const { tokens } = larger.apply(params, toImages(fixture.entry("in/x_48x48")), context);
    await expectOutput(tokens, fixture, "out/tokens_48x48");
  });

  it("fixed positions are not used where the backbone makes them itself", async () => {
    const sincos = visionTransformer({ ...tiny, depth: 3, heads: 4, positions: "sincos" });
    const table = Float32Array.of(...new Float32Array(32), ...sinCosPositions(32, 4, 4));
    const tensors: Entries = { ...bare, pos_embed: { dtype: "F32", shape: [1, 17, 32], data: table } };
    const fixed = await importWeights(inMemory(tensors), { backbone: sincos });
    expect(fixed.report.notUsed).toEqual(["pos_embed"]);
    const learned = await importWeights(inMemory(tensors), { backbone });
    const images = toImages(fixture.entry("in/x"));
    const tokens = learned.params && backbone.apply(learned.params, images, context).tokens;
    const same = sincos.apply(fixed.params, images, context).tokens;
    expect((await tf.max(tf.abs(tf.sub(tokens, same))).data())[0]).toBeLessThan(1e-5);
  });

  it("what does not fit is refused by name, and nothing is left over", async () => {
    const source = "some.pth";
    const deeper = visionTransformer({ ...tiny, depth: 4, heads: 4 });
    const wider = visionTransformer({ ...tiny, depth: 3, heads: 4, mlpRatio: 2 });
    const refused = async (of: Backbone, tensors: Entries) =>
      (await failure(importWeights(inMemory(tensors), { backbone: of, source }))).message;
    const leaked = await leakedTensors(async () => {
      expect(await refused(deeper, bare)).toMatch(
        /some.pth: expected all parameters .* blocks.3.norm1.weight/,
      );
      expect(await refused(wider, bare)).toMatch(
        /some.pth: expected blocks.0.mlp.fc1.bias as float32 \[64\], got float32 \[128\]/,
      );
      expect(await refused(backbone, { weight: one })).toMatch(
        /some.pth: expected the patch embedding .* weight/,
      );
      const two = { ...renamed(bare, (name) => `a.${name}`), ...renamed(bare, (name) => `b.${name}`) };
      expect(await refused(backbone, two)).toMatch(/got 2: a\., b\./);
      const { params, head, report } = await importWeights(inMemory(bare), {
        backbone: deeper,
        allowMissing: true,
      });
      expect([report.missing.length, head]).toEqual([12, undefined]);
      expect(Object.keys(pick(params, (name) => name.startsWith("blocks.3.")))).toHaveLength(12);
      disposeParams(params);
    });
    expect(leaked).toBe(0);
  });
});
