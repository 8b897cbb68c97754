import { SitError } from "@sitjs/core";
import { describeJson } from "@sitjs/core/json";
import { asRecord } from "./as-record.js";
import type { PretrainedConfig } from "./config.js";
import type { Preprocessing } from "./preprocessing.js";
import { inferArchitecture } from "./weights/architecture.js";
import type { WeightSource } from "./weights/source.js";

/** True for the `config.json` that timm writes (`save_for_hf`). */
export const isTimmConfig = (json: unknown): boolean => {
  const config = asRecord(json);
  return typeof config?.architecture === "string" && config.model_type === undefined;
};

/**
 * What timm's `config.json` says of a vision transformer, whose sizes its tensors tell.
 * @throws SitError "bad-file" naming the key, "bad-parameters" as `inferArchitecture`
 */
export function readTimmConfig(
  json: unknown,
  tensors: WeightSource["tensors"],
  source: string,
  options: { readonly heads?: number | undefined } = {},
): { config: PretrainedConfig; preprocessing: Preprocessing | undefined } {
  const fail = (key: string, expected: string, got: unknown): never => {
    throw new SitError("bad-file", `${source}: ${key}: expected ${expected}, got ${describeJson(got)}`);
  };
  const config = asRecord(json) ?? fail("config", "an object", json);
  const architecture = String(config.architecture);
  if (!/^(vit|deit)_/.test(architecture))
    fail("architecture", "a vision transformer of timm, vit_… or deit_…", architecture);
  const ownHeads = asRecord(config.model_args)?.num_heads ?? undefined;
  if (ownHeads !== undefined && !(Number.isSafeInteger(ownHeads) && (ownHeads as number) > 0))
    fail("model_args.num_heads", "a whole number above 0", ownHeads);
  const heads = options.heads ?? (ownHeads as number | undefined);
  const found = architectureOf();
  const names = config.label_names;
  const texts = Array.isArray(names) && names.every((name) => typeof name === "string");
  if (names !== undefined && names !== null && !texts) fail("label_names", "a list of texts", names);
  const named = Array.isArray(names) && names.length === found.head?.classes;
  return {
    config: { ...found, labels: named ? names.map(String) : undefined, multiLabel: false },
    preprocessing: preprocessingOf(asRecord(config.pretrained_cfg), found.backbone.imageSize, fail),
  };

  function architectureOf() {
    try {
      return inferArchitecture(tensors, { from: "timm", heads, source });
    } catch (cause) {
      // What is no option of the caller is the file's.
      const ofFile = SitError.isInstance(cause) && cause.code === "bad-option" && options.heads === undefined;
      throw ofFile
        ? new SitError("bad-file", `${source}: model_args.num_${cause.message}`, { cause })
        : cause;
    }
  }
}

function preprocessingOf(
  of: Record<string, unknown> | undefined,
  size: number,
  fail: (key: string, expected: string, got: unknown) => never,
): Preprocessing | undefined {
  if (of === undefined) return undefined;
  const numbers = (key: "mean" | "std"): readonly number[] => {
    const value = of[key];
    const fits = (each: unknown) => Number.isFinite(each) && (key === "mean" || (each as number) > 0);
    const ok = Array.isArray(value) && value.length > 0 && value.every(fits);
    return ok
      ? (value as number[])
      : fail(
          `pretrained_cfg.${key}`,
          `a list of numbers${key === "std" ? " above 0" : ""}, one a channel`,
          value,
        );
  };
  const share = of.crop_pct ?? 1;
  if (typeof share !== "number" || !(share > 0.01 && share <= 1))
    fail("pretrained_cfg.crop_pct", "a number above 0.01, at most 1", share);
  const [mean, std] = [numbers("mean"), numbers("std")];
  if (mean.length !== std.length)
    fail("pretrained_cfg.mean", `${std.length} numbers, as pretrained_cfg.std has`, mean);
  return {
    size,
    shorterSide: Math.floor(size / (share as number)),
    mean,
    std,
    interpolation: of.interpolation === "bilinear" ? "bilinear" : "bicubic",
  };
}
