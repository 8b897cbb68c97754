import { SitError } from "@sitjs/core";
import { describeJson } from "@sitjs/core/json";
import { type ClassifierHeadOptions, completeOptions, type VisionTransformerOptions } from "@sitjs/vit";
import { asRecord } from "./as-record.js";
import { huggingFaceConfig } from "./hugging-face-config.js";

export interface SavedHead {
  readonly kind: "linear" | "two-layer" | "average-norm";
  /** What a linear or two-layer one sees, as `classifierHead`'s. */
  readonly input?: ClassifierHeadOptions["input"];
  readonly classes: number;
}

/** What a pretrained folder says of its network. */
export interface PretrainedConfig {
  readonly backbone: VisionTransformerOptions;
  readonly head: SavedHead | undefined;
  /** Names of the classes in order, where they have names. */
  readonly labels: readonly string[] | undefined;
  /** Whether an image may show several classes: each logit then has a sigmoid of its own. */
  readonly multiLabel: boolean;
}

/** More than any network has: a number of the file must not claim memory or time that its weights do not. */
const most = { blocks: 1024, patches: 2 ** 16 };

/** Why transformers' `ViTModel` is not this network, or undefined where it is. */
export function beyondHuggingFace(backbone: VisionTransformerOptions): string | undefined {
  if (backbone.relativePositions) return "relative positions";
  if (backbone.layerScale !== undefined) return "layer scale";
  if (backbone.qkvBias === "query-value") return "no bias on keys alone";
  return undefined;
}

/** Whether `ViTForImageClassification` has this head: one linear layer on the class token. */
export function isHuggingFaceHead(head: SavedHead | undefined): head is SavedHead {
  return head?.kind === "linear" && (head.input ?? "token") === "token";
}

/**
 * The `config.json` of a folder. Where the architecture is `ViTModel`'s, its keys are there, and transformers opens the
 * folder; everything else is under `sitjs`.
 */
export function formatConfig(config: PretrainedConfig): Record<string, unknown> {
  const { backbone, head, labels, multiLabel } = config;
  const foreign = beyondHuggingFace(backbone) === undefined;
  const named = huggingFaceConfig(backbone, head && { classes: head.classes, labels, multiLabel });
  const architecture = isHuggingFaceHead(head) ? "ViTForImageClassification" : "ViTModel";
  return {
    ...named,
    architectures: [foreign ? architecture : "SitjsVisionTransformer"],
    model_type: foreign ? "vit" : "sitjs-vit",
    sitjs: {
      version: 1,
      positions: backbone.positions ?? "learned",
      qkvBias: backbone.qkvBias ?? true,
      relativePositions: backbone.relativePositions ?? false,
      layerScale: backbone.layerScale ?? null,
      head: head === undefined ? null : { ...head, input: head.input ?? null },
      labels: labels ?? null,
    },
  };
}

/**
 * What a `config.json` says, ours or another `ViTModel`'s.
 * @throws SitError "bad-file" naming the key
 */
export function readConfig(json: unknown, source: string): PretrainedConfig {
  const fail = (key: string, expected: string, got: unknown): never => {
    throw new SitError("bad-file", `${source}: ${key}: expected ${expected}, got ${describeJson(got)}`);
  };
  const config = asRecord(json) ?? fail("config", "an object", json);
  const own = asRecord(config.sitjs);
  const known = config.model_type === "vit" || (config.model_type === "sitjs-vit" && own !== undefined);
  if (!known) fail("model_type", '"vit"', config.model_type);
  if (own !== undefined && own.version !== 1) fail("sitjs.version", "1", own.version);
  const count = (key: string, fallback: number): number => {
    const value = config[key] ?? fallback;
    const ok = Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= 2 ** 20;
    return ok ? (value as number) : fail(key, "a whole number above 0", value);
  };
  const one = <T>(of: Record<string, unknown>, key: string, values: readonly T[], fallback: T): T => {
    const value = of[key] ?? fallback;
    return values.includes(value as T)
      ? (value as T)
      : fail(key, values.map((each) => JSON.stringify(each)).join(" or "), value);
  };
  // What else a ViTConfig can say, and this network is not.
  one(config, "hidden_act", ["gelu"], "gelu");
  const width = count("hidden_size", 768);
  const epsilon = config.layer_norm_eps ?? 1e-12;
  if (typeof epsilon !== "number" || !(epsilon > 0 && epsilon < 1))
    fail("layer_norm_eps", "a number in (0, 1)", epsilon);
  const scale = own?.layerScale ?? undefined;
  if (scale !== undefined && !(typeof scale === "number" && scale > 0))
    fail("layerScale", "a number above 0", scale);
  const bias = one(config, "qkv_bias", [true, false], true);
  const backbone: VisionTransformerOptions = {
    imageSize: count("image_size", 224),
    patchSize: count("patch_size", 16),
    channels: count("num_channels", 3),
    width,
    depth: count("num_hidden_layers", 12),
    heads: count("num_attention_heads", 12),
    mlpRatio: ratioOf(count("intermediate_size", 3072), width),
    qkvBias: own === undefined ? bias : one(own, "qkvBias", [true, false, "query-value"], bias),
    layerNormEpsilon: epsilon as number,
    dropPath: 0,
    positions: one(own ?? {}, "positions", ["learned", "sincos", "sincos-moco", "none"], "learned"),
    relativePositions: one(own ?? {}, "relativePositions", [true, false], false),
    layerScale: scale as number | undefined,
  };
  checkNetwork(backbone);
  const ids = asRecord(config.id2label);
  const names = ids && Object.keys(ids).map((_, i) => ids[String(i)]);
  if (names?.some((name) => typeof name !== "string"))
    fail("id2label", "a name for each class, from 0 on", ids);
  const labels = own === undefined || own.labels !== null ? (names as string[] | undefined) : undefined;
  const multiLabel = config.problem_type === "multi_label_classification";
  const head = readHead();
  if (head && labels && labels.length !== head.classes)
    fail("id2label", `${head.classes} names, one a class`, labels);
  return { backbone, head, labels, multiLabel };

  /** What the keys say together. */
  function checkNetwork({ imageSize, patchSize, depth = 0 }: VisionTransformerOptions): void {
    try {
      completeOptions(backbone);
    } catch (cause) {
      if (!SitError.isInstance(cause)) throw cause;
      throw new SitError("bad-file", `${source}: ${cause.message}`, { cause });
    }
    if (depth > most.blocks) fail("num_hidden_layers", `at most ${most.blocks}`, depth);
    const patches = (imageSize / patchSize) ** 2;
    if (patches > most.patches) fail("image_size", `at most ${most.patches} patches`, patches);
  }

  function readHead(): SavedHead | undefined {
    if (own === undefined) {
      const classified =
        Array.isArray(config.architectures) && config.architectures.includes("ViTForImageClassification");
      if (classified && names?.length === 0) fail("id2label", "at least one class", ids);
      // Two classes are what transformers makes where a config names none.
      return classified ? { kind: "linear", input: "token", classes: names?.length ?? 2 } : undefined;
    }
    if (own.head === null) return undefined;
    const head = asRecord(own.head) ?? fail("sitjs.head", "an object", own.head);
    const kind = one<SavedHead["kind"]>(head, "kind", ["linear", "two-layer", "average-norm"], "linear");
    const classes = head.classes;
    if (!Number.isSafeInteger(classes) || (classes as number) < 1 || (classes as number) > 2 ** 20)
      fail("classes", "a whole number above 0, at most 2^20", classes);
    const input =
      head.input === null ? undefined : one(head, "input", ["token", "mean", "token+mean"], "token");
    return { kind, classes: classes as number, ...(input && { input: input as "token" }) };
  }
}

/** The ratio whose product with the width is rounded down to as many hidden features. */
export function ratioOf(hidden: number, width: number): number {
  const ratio = hidden / width;
  return Math.trunc(width * ratio) === hidden ? ratio : (hidden + 0.5) / width;
}
