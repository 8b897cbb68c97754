import { SitError } from "@sitjs/core/errors";
import { describe, expect, it } from "vitest";
import { scopes } from "../command-line/options.js";
import { resolveRun } from "../command-line/resolve.js";
import type { CheckpointSettings } from "../experiment/checkpoint.js";
import { checkSettings, optionName } from "./check.js";
import { settingNames } from "./definitions.js";
import { presetNames, presets } from "./presets.js";
import { recipes } from "./recipes.js";
import type { Settings } from "./settings.js";

describe("presets", () => {
  it.each(presetNames)("%s has every setting, and its sizes fit together", (name) => {
    expect(Object.keys(presets[name]).sort()).toEqual([...settingNames].sort());
    expect(() => checkSettings(presets[name])).not.toThrow();
  });

  it("keep what the paper says", () => {
    // REFERENCE: ViT-S/16 at 224; alpha 5 and 3000 epochs for small data, 1 and 800 for ImageNet; batch 64.
    const small = {
      imageSize: 224,
      patchSize: 16,
      width: 384,
      depth: 12,
      heads: 6,
      batchSize: 64,
      temperature: 0.2,
    };
    expect(presets["paper-small"]).toMatchObject({ ...small, alpha: 5, epochs: 3000 });
    expect(presets["paper-imagenet"]).toMatchObject({ ...small, alpha: 1, epochs: 800 });
    // Downstream: DeiT's fine-tuning defaults (REFERENCE, and DeiT's code), a classifier of two layers on both.
    for (const name of ["paper-small", "paper-imagenet"] as const) {
      expect(presets[name]).toMatchObject({
        ...{
          finetuneRecipe: "deit",
          finetuneEpochs: 300,
          finetuneWarmupEpochs: 5,
          finetuneWeightDecay: 0.05,
        },
        ...{ finetuneLearningRate: (5e-4 * 256) / 512, finetuneFinalLearningRate: 1e-5, labelSmoothing: 0.1 },
        ...{ mixup: 0.8, cutmix: 1, randAugment: 2, randAugmentMagnitude: 9, erasing: 0.25, layerDecay: 1 },
        ...{ finetuneDropPath: 0.1, classifier: "two-layer", pool: "token+mean" },
      });
    }
  });
});

describe("optionName", () => {
  it("is the setting in kebab case", () => {
    expect(optionName("finalLearningRate")).toBe("--final-learning-rate");
    expect(optionName("width")).toBe("--width");
  });
});

describe("checkSettings", () => {
  it.each([
    ["--patch-size", { patchSize: 3 }],
    ["--heads", { heads: 7 }],
    ["--width", { width: 90, heads: 9, positions: "sincos" }],
    ["--epochs", { epochs: 1.5 }],
    ["--flip", { flip: Number.NaN }],
    ["--layer-decay", { layerDecay: 0 }],
    ["--finetune-recipe", { finetuneRecipe: "best" as "deit" }],
    ["--mixup", { mixup: -1 }],
    ["--cutmix", { cutmix: Number.POSITIVE_INFINITY }],
    ["--mix-probability", { mixProbability: 1.1 }],
    ["--mix-switch", { mixSwitch: -0.1 }],
    ["--rand-augment", { randAugment: 0.5 }],
    ["--rand-augment-magnitude", { randAugmentMagnitude: 11 }],
    ["--rand-augment-deviation", { randAugmentDeviation: -1 }],
    ["--erasing", { erasing: 2 }],
    ["--erasing-fill", { erasingFill: "black" as "mean" }],
    ["--average-decay", { averageDecay: 1 }],
    ["--embedding-decay", { embeddingDecay: true as unknown as "on" }],
    ["--finetune-drop-path", { finetuneDropPath: 1 }],
    ["--finetune-clip", { finetuneClip: -1 }],
    ["--finetune-warmup-epochs", { finetuneWarmupEpochs: -1 }],
    ["--finetune-final-learning-rate", { finetuneFinalLearningRate: -1 }],
    ["--pool", { pool: "max" as "mean" }],
  ] as const)("names %s", (option, wrong) => {
    const check = () => checkSettings({ ...presets.demo, ...wrong });
    expect(check).toThrow(SitError);
    expect(check).toThrow(`${option}: expected`);
  });

  it.each(["depht", "constructor", "__proto__"])("refuses the name %s", (name) => {
    const settings = Object.fromEntries([...Object.entries(presets.demo), [name, 1]]);
    expect(() => checkSettings(settings as unknown as Settings)).toThrow(
      new RegExp(`^settings: expected the name of an option .*, got "${name}"$`),
    );
  });
});

describe("resolveRun", () => {
  const how = { defaultOut: "runs/x", scope: scopes.pretrain };

  it("takes the demo for Fashion-MNIST, one in colour for CIFAR-10, and the paper's settings for a folder, unless told", async () => {
    expect(await resolveRun({}, how)).toMatchObject({
      preset: "demo",
      presetChosen: false,
      data: "fashion-mnist",
    });
    const colour = await resolveRun({ data: "cifar-10" }, how);
    expect(colour).toMatchObject({ preset: "demo-color", presetChosen: false, data: "cifar-10" });
    expect(colour.settings).toEqual({ ...presets.demo, imageSize: 32, channels: 3 });
    const demo = { ...how, defaultPreset: "demo", scope: scopes.demo } as const;
    expect(await resolveRun({ data: "cifar-10" }, demo)).toMatchObject({ preset: "demo-color" });
    expect(await resolveRun({ data: "photos" }, demo)).toMatchObject({ preset: "demo" });
    expect(await resolveRun({ data: "photos" }, how)).toMatchObject({ preset: "paper-small", out: "runs/x" });
    expect(await resolveRun({ data: "photos", preset: "demo" }, how)).toMatchObject({
      preset: "demo",
      presetChosen: true,
    });
  });

  it("lays options over the preset", async () => {
    const { settings, settingsFor } = await resolveRun({ epochs: 3 }, how);
    expect(settings).toEqual({ ...presets.demo, epochs: 3 });
    expect(settingsFor("sit", "demo-portable")).toEqual({ ...presets["demo-portable"], epochs: 3 });
  });

  it("lays the method's values between them, those of its paper or those for small images", async () => {
    expect((await resolveRun({ method: "mae", epochs: 3 }, how)).settings).toMatchObject({
      ...{
        method: "mae",
        epochs: 3,
        beta2: 0.95,
        positions: "learned",
      },
    });
    expect((await resolveRun({ method: "mae", preset: "paper-small" }, how)).settings).toMatchObject({
      ...{ method: "mae", beta2: 0.95, positions: "sincos", learningRate: 1.5e-4, clip: 0 },
    });
    await expect(resolveRun({ method: "mae", alpha: 2 }, how)).rejects.toThrow(
      "--alpha: expected settings that the method mae uses, got one of sit",
    );
  });

  it("of several methods, gives an option to those that use it", async () => {
    const compare = { ...how, scope: scopes.compare, methods: ["mae", "sit"] } as const;
    const { settingsFor } = await resolveRun({ alpha: 2, maskRatio: 0.5, epochs: 3 }, compare);
    expect(settingsFor("mae")).toMatchObject({ method: "mae", alpha: 1, maskRatio: 0.5, epochs: 3 });
    expect(settingsFor("sit")).toMatchObject({ method: "sit", alpha: 2, maskRatio: 0.75, epochs: 3 });
    await expect(resolveRun({ clusters: 5 }, compare)).rejects.toThrow(
      "--clusters: expected settings that one of mae, sit uses, got one of deep-cluster",
    );
  });

  it("takes a checkpoint's settings before those of a preset that was not asked for", async () => {
    const checkpoint = { ...presets.demo, width: 48 };
    const finetune = { defaultOut: "", scope: scopes.finetune, checkpoint };
    expect((await resolveRun({}, finetune)).settings).toEqual(checkpoint);
    expect((await resolveRun({ preset: "long" }, finetune)).settings).toEqual(presets.long);
  });

  it("fine-tunes for the epochs that were asked for, not the preset's steps", async () => {
    const finetune = { defaultOut: "", scope: scopes.finetune };
    expect((await resolveRun({ epochs: 7 }, finetune)).settings).toMatchObject({
      finetuneEpochs: 7,
      finetuneSteps: 0,
    });
    expect((await resolveRun({ steps: 7 }, finetune)).settings).toMatchObject({ finetuneSteps: 7 });
  });

  it("lays a recipe of fine-tuning between preset and options, and not over a run that goes on with it", async () => {
    const finetune = { defaultOut: "", scope: scopes.finetune };
    const { settings } = await resolveRun({ recipe: "deit", mixup: 0.2, epochs: 9 }, finetune);
    expect(settings).toEqual({ ...presets.demo, ...recipes.deit, mixup: 0.2, finetuneEpochs: 9 });
    expect(settings.finetuneBatchSize).toBe(presets.demo.finetuneBatchSize);
    const plain = await resolveRun({ recipe: "plain", preset: "paper-small" }, finetune);
    expect(plain.settings).toMatchObject({ mixup: 0, randAugment: 0, erasing: 0, finetuneEpochs: 300 });
    const resumed = { settings, preset: "demo", seed: 0, data: { source: "x" }, engine: "auto" };
    const again = { ...finetune, resumed: resumed as unknown as CheckpointSettings };
    expect((await resolveRun({ recipe: "deit" }, again)).settings).toEqual(settings);
    const mae = await resolveRun({ recipe: "mae" }, again);
    expect(mae.settings).toMatchObject({ finetuneRecipe: "mae", mixup: 0.8, pool: "mean", layerDecay: 0.65 });
  });

  it("lets a classifier see what goes with its kind, unless told", async () => {
    const finetune = { defaultOut: "", scope: scopes.finetune };
    const pool = async (options: Record<string, unknown>) =>
      (await resolveRun(options, finetune)).settings.pool;
    expect(await pool({})).toBe("token");
    expect(await pool({ classifier: "two-layer" })).toBe("token+mean");
    expect(await pool({ classifier: "two-layer", pool: "mean" })).toBe("mean");
    expect(await pool({ preset: "paper-small", classifier: "linear" })).toBe("token");
    expect(await pool({ preset: "paper-small" })).toBe("token+mean");
  });

  it("gives fine-tuning its own drop path", async () => {
    const finetune = { defaultOut: "", scope: scopes.finetune };
    const { settings } = await resolveRun({ dropPath: 0.3 }, finetune);
    expect(settings).toMatchObject({ finetuneDropPath: 0.3, dropPath: presets.demo.dropPath });
  });
});
