import { describe, expect, it } from "vitest";
import { type SettingScope, scopes } from "../command-line/options.js";
import { definitions, isHarmless, settingNames } from "../settings/definitions.js";
import { presetFor } from "../settings/presets.js";
import type { Settings } from "../settings/settings.js";
import { settingDifferences } from "./resume.js";

const settings = presetFor("paper-small", "sit");

/** Another value than the setting has. */
function other(name: keyof Settings): unknown {
  const { kind } = definitions[name];
  if (kind.type === "choice") return kind.choices.find((value) => value !== settings[name]);
  return (settings[name] as number) + 1;
}

describe("settings of a run that goes on", () => {
  it.each(["pretrain", "finetune", "multilabel"] as const)("are each compared by sit %s", (command) => {
    for (const name of settingNames) {
      const [found, ...more] = settingDifferences(
        settings,
        { ...settings, [name]: other(name) },
        scopes[command] as SettingScope,
      );
      expect(found, name).toMatchObject({
        setting: name,
        option: expect.stringMatching(/^--[a-z]/),
        saved: String(settings[name]),
        now: String(other(name)),
        harmless: isHarmless(name),
      });
      expect(more).toEqual([]);
    }
  });

  it("matter, but for how a run is saved and watched, and what it puts up with", () => {
    const harmless = settingNames.filter(isHarmless);
    expect(harmless).toEqual(
      expect.arrayContaining(["checkpointEvery", "keepCheckpoints", "skipNotFinite", "watchEvery"]),
    );
    // What changes the numbers of a fine-tuning, all of it.
    for (const name of [
      ...(["mixup", "cutmix", "mixProbability", "mixSwitch", "randAugment", "randAugmentMagnitude"] as const),
      ...(["randAugmentDeviation", "erasing", "erasingFill", "averageDecay", "layerDecay"] as const),
      ...(["finetuneDropPath", "labelSmoothing", "embeddingDecay", "finetuneClip", "pool"] as const),
      ...(["classifier", "precision", "weights", "finetuneCropScale", "finetuneRecipe"] as const),
      ...(["frozenEpochs", "patchEmbedding", "method", "corruptionRatio", "beta2", "clip"] as const),
    ]) {
      expect(harmless).not.toContain(name);
    }
  });
});
