import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  paramsToSafetensors,
  randomStream,
  readSafetensors,
  type SafetensorsEntry,
  writeSafetensors,
} from "@sitjs/core";
import { compareTo } from "@sitjs/core/testing";
import { classifierHead, type VisionTransformerOptions, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { loadFixture } from "../../../../fixtures/load.js";
import { failure, scratchFolder } from "../../../../fixtures/own-folder.js";
import { toImages, toTensors } from "../../../../fixtures/tensors.js";
import { outputsIn, python, withPython } from "../../test/python.js";
import { importWeights, toTimm, weightsInMemory } from "../index.js";
import { fromPretrained, savePretrained } from "./index.js";

const folder = fileURLToPath(new URL("../../../../fixtures/huggingface-vit/", import.meta.url));
const scratch = scratchFolder();
const outputs = readSafetensors(readFileSync(join(folder, "outputs.safetensors"))).tensors as Record<
  string,
  SafetensorsEntry
>;
const input = outputs["in/x"] as SafetensorsEntry;
const preprocessing = {
  size: 32,
  mean: [0.5, 0.4, 0.3],
  std: [0.2, 0.3, 0.4],
  interpolation: "bicubic",
} as const;

beforeAll(async () => {
  await tf.setBackend("cpu");
});
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

async function expectClose(tensor: tf.Tensor, expected: SafetensorsEntry | undefined): Promise<void> {
  const found = await compareTo(tensor, expected as SafetensorsEntry, { absolute: 3e-5, relative: 2e-5 });
  expect(found.excess).toBeLessThanOrEqual(0);
}

describe("a folder that transformers wrote", () => {
  it("gives its logits, and says its labels and preprocessing", async () => {
    const model = await fromPretrained(folder);
    expect(model.config.labels).toEqual(["cat", "dog", "bird"]);
    expect(model.preprocessing).toEqual({
      size: 32,
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      interpolation: "bilinear",
    });
    await expectClose(model.classify(toImages(input)), outputs["out/logits"]);
    const { tokens } = model.backbone.apply(model.params, toImages(input), { train: false });
    await expectClose(tokens, outputs["out/tokens"]);
    model.dispose();
  });

  it.each([
    ["vit.embeddings.cls_token", Number.NaN],
    ["classifier.weight", Number.NEGATIVE_INFINITY],
  ])("is refused with a number that is none in %s", async (name, value) => {
    const copy = join(scratch(), "other");
    cpSync(folder, copy, { recursive: true });
    const path = join(copy, "model.safetensors");
    const { tensors, metadata } = readSafetensors(readFileSync(path));
    const entry = tensors[name] as SafetensorsEntry;
    const data = Float32Array.from(entry.data, Number);
    data[2] = value;
    writeFileSync(
      path,
      writeSafetensors({ metadata, tensors: { ...tensors, [name]: { ...entry, data } as SafetensorsEntry } }),
    );
    const before = tf.memory().numTensors;
    const { code, message } = await failure(fromPretrained(copy));
    expect([code, message]).toEqual([
      "bad-file",
      `${path}: ${name}: expected finite numbers, got ${value} at 2`,
    ]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("saved again is the same network, with the same tensors", async () => {
    const model = await fromPretrained(folder);
    const { backbone, labels } = model.config;
    const to = join(scratch(), "again");
    const head = { kind: "linear", classes: 3, params: model.head?.params ?? {} } as const;
    await savePretrained(to, { backbone, params: model.params, head, labels, preprocessing });
    expect(readdirSync(scratch())).toEqual(["again"]);
    const [before, after] = [folder, to].map((of) =>
      readSafetensors(readFileSync(join(of, "model.safetensors"))),
    );
    expect(after?.metadata).toEqual({ format: "pt" });
    expect(Object.keys(after?.tensors ?? {}).sort()).toEqual(Object.keys(before?.tensors ?? {}).sort());
    for (const [name, entry] of Object.entries(before?.tensors ?? {}))
      expect(after?.tensors[name], name).toEqual(entry);
    const again = await fromPretrained(to);
    expect(again.config).toEqual({ ...model.config, head: { kind: "linear", classes: 3 } });
    expect(again.preprocessing).toEqual(preprocessing);
  });
});

describe("a folder that timm wrote", () => {
  const timm = fileURLToPath(new URL("../../../../fixtures/timm-folder/", import.meta.url));

  it("gives its logits, and says its labels and preprocessing", async () => {
    const model = await fromPretrained(timm);
    expect(model.config).toMatchObject({
      backbone: { imageSize: 32, patchSize: 8, width: 32, depth: 2, heads: 4 },
      head: { kind: "linear", classes: 3 },
      labels: ["cat", "dog", "bird"],
    });
    expect(model.preprocessing).toEqual({
      size: 32,
      shorterSide: 35,
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      interpolation: "bicubic",
    });
    const { tensors } = readSafetensors(readFileSync(join(timm, "outputs.safetensors")));
    const logits = model.classify(toImages(tensors["in/x"] as SafetensorsEntry));
    await expectClose(logits, tensors["out/logits"]);
  });

  it("is refused where it is no plain vision transformer", async () => {
    const copy = join(scratch(), "other");
    cpSync(timm, copy, { recursive: true });
    const path = join(copy, "model.safetensors");
    const { tensors } = readSafetensors(readFileSync(path));
    const extra = { dtype: "F32", shape: [8], data: new Float32Array(8) } as const;
    writeFileSync(
      path,
      writeSafetensors({ tensors: { ...tensors, "blocks.0.attn.q_norm.weight": extra }, metadata: {} }),
    );
    expect((await failure(fromPretrained(copy))).message).toMatch(
      /expected a plain vision transformer, got one with blocks.0.attn.q_norm.weight/,
    );
    writeFileSync(join(copy, "config.json"), JSON.stringify({ architecture: "resnet50" }));
    expect((await failure(fromPretrained(copy))).message).toMatch(
      /architecture: expected a vision transformer of timm, vit_… or deit_…, got "resnet50"/,
    );
  });
});

describe("a file of weights", () => {
  const file = fileURLToPath(new URL("../../../../fixtures/torch/dino.pth", import.meta.url));

  it("of PyTorch is the network that its tensors tell, of which the teacher is taken", async () => {
    const model = await fromPretrained(file, { heads: 2 });
    expect(model.report).toMatchObject({ origin: "dino", prefix: "teacher.backbone." });
    expect(model.config.backbone).toMatchObject({ imageSize: 16, patchSize: 8, width: 16, depth: 1 });
    expect(Math.abs((await tf.max(model.params.cls_token as tf.Tensor).data())[0] as number)).toBeGreaterThan(
      0,
    );
    const student = await fromPretrained(file, { heads: 2, network: "student" });
    expect((await tf.max(tf.abs(student.params.cls_token as tf.Tensor)).data())[0]).toBe(0);
    expect((await failure(fromPretrained(file))).message).toMatch(/expected the number of heads/);
  });
});

describe("a folder of ours", () => {
  const small: VisionTransformerOptions = {
    imageSize: 16,
    patchSize: 8,
    width: 16,
    depth: 1,
    heads: 2,
    dropPath: 0,
  };
  const cases: readonly [string, VisionTransformerOptions, "linear" | "two-layer" | "none"][] = [
    ["learned positions and a linear head", small, "linear"],
    ["sine-cosine positions", { ...small, positions: "sincos" }, "none"],
    ["no positions, no bias, a two-layer head", { ...small, positions: "none", qkvBias: false }, "two-layer"],
    [
      "relative positions and layer scale",
      { ...small, relativePositions: true, layerScale: 0.1, qkvBias: "query-value" },
      "linear",
    ],
  ];
  const images = () => tf.randomNormal<tf.Rank.R4>([2, 16, 16, 3], 0, 1, "float32", 1);

  async function saved(options: VisionTransformerOptions, kind: "linear" | "two-layer" | "none") {
    const backbone = visionTransformer(options);
    const params = backbone.init(randomStream(1, "backbone"));
    const module = kind === "none" ? undefined : classifierHead({ kind, width: 16, classes: 4 });
    const headParams = module?.init(randomStream(1, "head"));
    const to = join(scratch(), "saved");
    const head = kind !== "none" && headParams ? { kind, classes: 4, params: headParams } : undefined;
    await savePretrained(to, { backbone: options, params, head, preprocessing });
    const tokens = backbone.apply(params, images(), { train: false }).tokens;
    const logits = module?.apply(headParams ?? {}, tokens, { train: false }).output;
    return { to, tokens, logits };
  }

  it.each(cases)("with %s comes back as it was", async (_, options, kind) => {
    const { to, tokens, logits } = await saved(options, kind);
    const model = await fromPretrained(to);
    expect([
      model.report.notUsed.filter((name) => !name.endsWith("position_embeddings")),
      model.report.missing,
    ]).toEqual([[], []]);
    const again = model.backbone.apply(model.params, images(), { train: false }).tokens;
    expect([...(await again.data())]).toEqual([...(await tokens.data())]);
    if (logits) expect([...(await model.classify(images()).data())]).toEqual([...(await logits.data())]);
    else expect(() => model.classify(images())).toThrow(/expected a classifier, got none/);
  });

  it.skipIf(!python).each(cases.slice(0, 3))(
    `with %s opens in transformers${withPython}`,
    async (_, options, kind) => {
      const { to, tokens, logits } = await saved(options, kind);
      const data = await tf.transpose(images(), [0, 3, 1, 2]).data();
      const entry = { dtype: "F32", shape: [2, 3, 16, 16], data: Float32Array.from(data) } as const;
      const found = outputsIn("transformers", to, entry, scratch());
      await expectClose(tokens, found.tokens);
      if (kind === "linear") await expectClose(logits as tf.Tensor, found.logits);
    },
    120_000,
  );

  it("with timm's average-norm head comes back with its logits", async () => {
    const fixture = loadFixture("timm_vit_avg");
    const options = { imageSize: 32, patchSize: 8, width: 32, depth: 2, heads: 2 };
    const backbone = visionTransformer(options);
    const { params, head } = await importWeights(weightsInMemory({ tensors: fixture.parameters() }), {
      backbone,
    });
    const to = join(scratch(), "averaged");
    const saved = { kind: "average-norm", classes: 5, params: head?.params ?? {} } as const;
    await savePretrained(to, { backbone: options, params, head: saved, preprocessing });
    const model = await fromPretrained(to);
    await expectClose(model.classify(toImages(fixture.entry("in/x"))), fixture.entry("out/logits"));
  });

  it("says whether an image may show several classes, as transformers reads it", async () => {
    const params = visionTransformer(small).init(randomStream(1));
    const head = classifierHead({ width: 16, classes: 4 }).init(randomStream(2));
    for (const multiLabel of [true, false]) {
      const to = join(scratch(), "several");
      const saved = { kind: "linear", classes: 4, params: head } as const;
      await savePretrained(to, { backbone: small, params, head: saved, multiLabel, preprocessing });
      const { problem_type: kind } = JSON.parse(readFileSync(join(to, "config.json"), "utf8"));
      expect(kind).toBe(`${multiLabel ? "multi" : "single"}_label_classification`);
      expect((await fromPretrained(to)).config.multiLabel).toBe(multiLabel);
    }
  });

  it("is refused, naming the file, where something is wrong with it", async () => {
    const { to } = await saved(small, "linear");
    const change = async (file: string, edit: (json: Record<string, unknown>) => void) => {
      const copy = join(scratch(), "changed");
      rmSync(copy, { recursive: true, force: true });
      cpSync(to, copy, { recursive: true });
      const json = JSON.parse(readFileSync(join(copy, file), "utf8"));
      edit(json);
      writeFileSync(join(copy, file), JSON.stringify(json));
      return (await failure(fromPretrained(copy))).message;
    };
    expect(
      await change("config.json", (json) => {
        json.model_type = "bert";
      }),
    ).toMatch(/config.json: model_type: expected "vit", got "bert"/);
    expect(
      await change("config.json", (json) => {
        json.hidden_size = "x";
      }),
    ).toMatch(/hidden_size: expected a whole number/);
    expect(
      await change("config.json", (json) => {
        json.num_hidden_layers = 2;
      }),
    ).toMatch(/model.safetensors: expected all parameters/);
    expect(
      await change("config.json", (json) => {
        json.hidden_act = "relu";
      }),
    ).toMatch(/hidden_act: expected "gelu", got "relu"/);
    expect(
      await change("preprocessor_config.json", (json) => {
        json.image_std = [0, 1, 1];
      }),
    ).toMatch(/image_std: expected numbers above 0/);
    rmSync(join(to, "model.safetensors"));
    expect((await failure(fromPretrained(to))).message).toMatch(
      /expected model.safetensors or pytorch_model.bin, got none/,
    );
    expect((await failure(fromPretrained(join(scratch(), "no", "where")))).code).toBe("missing-file");
    expect(existsSync(join(to, "config.json"))).toBe(true);
  });
});

describe.skipIf(!python)(`timm, strictly${withPython}`, () => {
  it.each(["token", "avg"])(
    "gives the same logits from our names (global_pool %s)",
    async (pool) => {
      const fixture = loadFixture(`timm_vit_${pool}`);
      const backbone = visionTransformer({ imageSize: 32, patchSize: 8, width: 32, depth: 2, heads: 2 });
      const { params, head } = await importWeights(weightsInMemory({ tensors: fixture.parameters() }), {
        backbone,
      });
      const path = join(scratch(), "timm.safetensors");
      writeFileSync(path, await paramsToSafetensors(toTimm(params, head?.params)));
      const options = {
        img_size: 32,
        patch_size: 8,
        embed_dim: 32,
        depth: 2,
        num_heads: 2,
        num_classes: 5,
        global_pool: pool,
      };
      const found = outputsIn("timm", path, fixture.entry("in/x"), scratch(), options);
      await expectClose(toTensors(found).logits as tf.Tensor, fixture.entry("out/logits"));
    },
    120_000,
  );
});
