// Every method that --method can name: made for every preset, and trained for a few steps. What each does is tested in
// packages/train.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomStream } from "@sitjs/core";
import { type ImageDataset, imageFolder } from "@sitjs/data";
import { useEngine } from "@sitjs/engine";
import { disposeState } from "@sitjs/train";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leftOutImages } from "../experiment/left-out.js";
import { pretrainLoader } from "../experiment/loaders.js";
import { makeBackbone, makeMethod } from "../experiment/model.js";
import { reconstructionPictures } from "../experiment/pictures.js";
import { pretraining } from "../experiment/pretraining.js";
import { checkSettings, requireUsed } from "../settings/check.js";
import { presetFor, presetNames, presets } from "../settings/presets.js";
import type { Settings } from "../settings/settings.js";
import { makePictures } from "../testing.js";
import { type MethodName, methodNames } from "./names.js";
import { methodPlans, usesSetting } from "./plans.js";

let folder: string;
let images: ImageDataset;
const statistics = { mean: [0.5, 0.5, 0.5], deviation: [0.3, 0.3, 0.3] };
const leftOut = leftOutImages(() => undefined);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sit-methods-"));
  await makePictures(folder, 8);
  images = await imageFolder(folder, {});
  await useEngine({ prefer: "wasm", onNotice: () => undefined });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A network that is made in no time, and few steps. */
function tinySettings(method: MethodName): Settings {
  return {
    ...presetFor("demo", method),
    imageSize: 16,
    channels: 3,
    patchSize: 4,
    width: 16,
    depth: 2,
    heads: 2,
    batchSize: 8,
    reconstructionHidden: 16,
    projectionHidden: 16,
    projectionOutput: 8,
    prototypes: 12,
    decoderWidth: 16,
    decoderDepth: 1,
    decoderHeads: 2,
    tileRows: 2,
    permutations: 6,
    clusters: 3,
    localCrops: 2,
    relationViews: 3,
  };
}

describe("the settings of a method", () => {
  it.each(methodNames)("%s: made for every preset that its images allow", (method) => {
    for (const preset of presetNames) {
      // A thousand permutations of nine tiles take seconds to find.
      const settings = { ...presetFor(preset, method), permutations: 24 };
      if (method === "colorization" && presets[preset].channels === 1) {
        expect(() => checkSettings(settings)).toThrow("--channels: expected 3 for colorization");
        continue;
      }
      checkSettings(settings);
      const count = settings.channels;
      const statistics = { mean: Array(count).fill(0.5), deviation: Array(count).fill(0.2) };
      const backbone = makeBackbone(settings, {});
      const made = makeMethod({ settings, backbone, statistics, images: 20_000 }, {});
      expect(made.name, preset).toBe(method === "gmml" ? "sit" : method);
      expect(made.backbone).toBe(backbone);
    }
  });

  it.each(methodNames)("%s: its presets set only what it uses", (method) => {
    const { paper, small } = methodPlans[method];
    requireUsed([method], paper);
    requireUsed([method], small);
  });

  it("keep what the papers say", () => {
    // REFERENCE: the values for a batch of 256, SimMIM's from one of 512.
    const paper = (method: MethodName) => presetFor("paper-imagenet", method);
    expect(paper("mae")).toMatchObject({
      maskRatio: 0.75,
      decoderWidth: 512,
      decoderDepth: 8,
      decoderHeads: 16,
      learningRate: 1.5e-4,
      finalLearningRate: 0,
      warmupEpochs: 40,
      beta2: 0.95,
      clip: 0,
      positions: "sincos",
    });
    expect(paper("simmim")).toMatchObject({ maskRatio: 0.6, learningRate: 0.5e-4, clip: 5, layerScale: 0.1 });
    expect(paper("moco-v3")).toMatchObject({
      temperature: 0.2,
      momentum: 0.99,
      finalWeightDecay: 0.1,
      heads: 12,
    });
    expect(paper("dino")).toMatchObject({
      prototypes: 65_536,
      localCrops: 8,
      finalWeightDecay: 0.4,
      clip: 3,
    });
  });

  it("leave the network of small presets alone: methods are compared on the same", () => {
    const network = [
      "width",
      "depth",
      "heads",
      "patchSize",
      "positions",
      "initialization",
      "layerScale",
    ] as const;
    for (const method of methodNames) {
      for (const name of network)
        expect(presetFor("compare", method)[name], method).toBe(presets.compare[name]);
    }
  });
});

describe("a few steps", () => {
  it.each(methodNames)("%s: learns, and pictures what it reconstructs", async (name) => {
    const settings = tinySettings(name);
    checkSettings(settings);
    const context = { settings, statistics, seed: 0, workers: 0, leftOut };
    const backbone = makeBackbone(settings, {});
    const method = makeMethod({ settings, backbone, statistics, images: images.length }, {});
    const before = method.init(randomStream(0, "pretrain").fork("init"));
    const { state, epochs } = await pretraining({
      method,
      loader: pretrainLoader(images, context, {}),
      settings,
      seed: 0,
      report: () => undefined,
      maximumSteps: 3,
    });
    expect(epochs).toHaveLength(2);
    for (const { metrics } of epochs) {
      for (const [part, value] of Object.entries(metrics)) expect(value, part).toSatisfy(Number.isFinite);
    }
    const weight = "backbone.blocks.0.mlp.fc1.weight";
    expect(await state.student[weight]?.data()).not.toEqual(await before[weight]?.data());
    expect(state.teacher !== undefined).toBe(usesSetting(name, "momentum"));
    const of = {
      method,
      params: state.student,
      dataset: images,
      part: "training",
      count: 2,
      context,
    } as const;
    const pictures = await reconstructionPictures(of);
    const reconstructs = ["sit", "gmml", "gmml-rotation", "mae", "simmim", "colorization", "context-encoder"];
    expect(pictures?.length).toBe(reconstructs.includes(name) ? 2 : undefined);
    disposeState(state);
  });
});
